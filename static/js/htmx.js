/** htmx and its extension meet as a global; this module puts it there before the extension is read. */
import htmx from "htmx.org/dist/htmx.esm.js";

export default htmx;
