/** How far, how fast, how long yet: in the reader's language. */
const language = document.documentElement.lang || "en";
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

const unit = (value, name, most = 0) =>
  new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: name === "byte" ? "long" : "short", maximumFractionDigits: most }).format(value);

function scaled(bytes) {
  const step = Math.min(UNITS.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return [bytes / 1000 ** step, UNITS[step], step && bytes / 1000 ** step < 100 ? 1 : 0];
}

export const size = (bytes) => unit(...scaled(bytes));

export function speed(bytesPerSecond) {
  const [value, name, most] = scaled(bytesPerSecond);
  return unit(value, `${name}-per-second`, most);
}

export function duration(seconds) {
  if (seconds < 90) return unit(Math.max(1, Math.round(seconds)), "second");
  return seconds < 5400 ? unit(Math.round(seconds / 60), "minute") : unit(seconds / 3600, "hour", 1);
}

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent" }).format(Math.floor(share * 100) / 100);

/** Bytes a second over the last moments: smoothed, and begun anew when the line was broken. */
export class Pace {
  #last;
  #value = 0;

  at(done, now = performance.now()) {
    if (!this.#last || done < this.#last.done) this.#last = { done, now };
    const seconds = (now - this.#last.now) / 1000;
    if (seconds >= 0.5) {
      const current = (done - this.#last.done) / seconds;
      this.#value = this.#value ? this.#value * 0.7 + current * 0.3 : current;
      this.#last = { done, now };
    }
    return this.#value;
  }

  rest() {
    this.#last = undefined;
    this.#value = 0;
  }
}
