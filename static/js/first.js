/** What stands before the first paint and before anybody can press anything. */
import "./theme.js";
import "./early.js";
import "./drafts-arrived.js";
