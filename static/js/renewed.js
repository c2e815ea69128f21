/**
 * Every request says for whom its page was made: once somebody else has signed in in this browser, the server refuses it.
 *
 * A request that left a moment before a step-up carries the cookie of before it, and is refused unread. The browser has the new one
 * soon: it is asked again, and only who is refused then, too, has been signed out.
 */
const AGAIN_AFTER = [300, 1200];
const ask = window.fetch.bind(window);
const viewer = document.querySelector('meta[name="viewer"]')?.content;

/** The header that names her (jit_portal/web/session.py); none on a page that is nobody's. */
export const FOR_VIEWER = viewer ? { "X-Viewer": viewer } : {};

window.fetch = async (resource, options = {}) => {
  const headers = { ...Object.fromEntries(new Headers(options.headers ?? resource.headers)), ...FOR_VIEWER };
  const request = [resource, { ...options, headers }];
  let answer = await ask(...request);
  for (const wait of AGAIN_AFTER) {
    if (answer.status !== 401) break;
    await new Promise((done) => setTimeout(done, wait));
    answer = await ask(...request);
  }
  return answer;
};
