/** What has become of the drafts that were sent: told by the page that answers, before anybody can leave it again. */
import { names, person, PREFIX, read, write } from "./drafts-kept.js";

/**
 * A draft that was sent and answered by a page of a signed-in person arrived, unless sign-in stood between: then it waits for its form. So it
 * does where a confirmation stands between; it is sent again with the act that waits at that address.
 */
function forgetArrived() {
  const waits = document.querySelector('meta[name="waits"]') ? location.pathname : null;
  const cameBack = sessionStorage.getItem("signed-out") === "yes";
  sessionStorage.removeItem("signed-out");
  for (const name of names()) {
    const draft = read(name);
    if (!name.startsWith(`${PREFIX}${person}:`) || (draft.wasSent && !cameBack && !waits)) sessionStorage.removeItem(name);
    else if (draft.wasSent && waits) write(name, { ...draft, wasSent: false, waits });
    else write(name, { ...draft, wasSent: false });
  }
}

if (person) forgetArrived();
else sessionStorage.setItem("signed-out", "yes");
