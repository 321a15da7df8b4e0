/* Numbers that a seed gives again: the schedule of a failed run can be repeated (not the race itself). */
export class Random {
    #state;
    constructor(seed) { this.#state = (Number(seed) ^ 0x9e3779b9) >>> 0; }

    /* mulberry32: enough for schedules, nothing secret hangs on it. */
    next() {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let t = this.#state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    }
    below(n) { return Math.floor(this.next() * n); }
    pick(list) { return list[this.below(list.length)]; }
    chance(p) { return this.next() < p; }
}
