/** Asking the server for a place: by the socket, or by a request where it does not answer for this reader. */
import { askToSignIn } from "./dialog.js";
import { socket } from "./live.js";
import { csrfToken } from "./requests.js";

const ANSWERED_WITHIN = 8000;

/** The server's answer to a wished place: {ok, place} or {ok, reason}; `slow` is said where none comes in time. */
export async function askFor(card, said, slow) {
  if (socket?.connected) {
    try {
      const answer = await socket.timeout(ANSWERED_WITHIN).emitWithAck("task:move", { task: card.dataset.card, ...said });
      if (answer.status !== 401) return answer; // it was the socket of a cookie of before: the one of now may do
    } catch {
      return { ok: false, reason: slow }; // no answer in time: what happened is asked for again
    }
  }
  const headers = { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch", Accept: "application/json" };
  try {
    const answer = await fetch(card.dataset.moveUrl, { method: "POST", headers, body: new URLSearchParams(said) });
    if (answer.ok) return await answer.json();
    if (answer.status === 401) askToSignIn();
    return { ok: false, reason: answer.status === 401 ? "" : (await answer.json()).error };
  } catch {
    return { ok: false, reason: slow };
  }
}
