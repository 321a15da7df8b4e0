/* What a check found. The last line is "N passed, N failed", which tests/run.sh counts. */
export class Report {
    #begun = Date.now();
    passed = 0;
    failed = 0;

    ok(what) {
        this.passed++;
        console.log(`ok      ${what}`);
    }
    bad(what) {
        this.failed++;
        console.log(`FAILED  ${what}`);
    }
    note(what) { console.log(`        ${what}`); }
    skip(what) { console.log(`note: SKIP ${what}`); }

    /* One thing that holds or not; the first few findings say why. */
    check(right, what, findings = []) {
        if (right) this.ok(what);
        else this.bad(what);
        for (const line of findings.slice(0, 12)) this.note(line);
        if (findings.length > 12) this.note(`and ${findings.length - 12} more`);
        return right;
    }
    seconds() { return (Date.now() - this.#begun) / 1000; }

    end() {
        console.log(`${this.seconds().toFixed(1)} s`);
        console.log(`${this.passed} passed, ${this.failed} failed`);
        return this.failed === 0 ? 0 : 1;
    }
}

/* Runs a check to its end, whatever it throws, and leaves with its status. */
export async function runCheck(body) {
    const report = new Report();
    try {
        await body(report);
    } catch (e) {
        report.bad(`could not go on: ${e.stack ?? e}`);
    }
    process.exit(report.end());
}
