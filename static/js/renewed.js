/**
 * A request that left a moment before a step-up carries the cookie of before it, and is refused unread. The browser has the new one
 * soon: it is asked again, and only who is refused then, too, has been signed out.
 */
const AGAIN_AFTER = [300, 1200];
const ask = window.fetch.bind(window);

window.fetch = async (...request) => {
  let answer = await ask(...request);
  for (const wait of AGAIN_AFTER) {
    if (answer.status !== 401) break;
    await new Promise((done) => setTimeout(done, wait));
    answer = await ask(...request);
  }
  return answer;
};
