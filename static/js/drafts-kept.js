/** Where drafts are kept: in this window, by the id of the person who typed them. */
export const person = document.querySelector('meta[name="viewer"]')?.content;
export const PREFIX = "draft:";
export const names = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
export const read = (name) => JSON.parse(sessionStorage.getItem(name) ?? "null");
export const write = (name, draft) => sessionStorage.setItem(name, JSON.stringify(draft));
