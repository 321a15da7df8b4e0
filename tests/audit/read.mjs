// Reads a member's database through psql, in one read-only snapshot, row by row.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

// sections: [{ name, sql, row(object) }] in the order in which they are read. bigint columns must be
// cast to text by the SQL: JSON numbers are doubles.
export async function readAll(options, sections) {
    const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', options.socket, '-p', options.port,
                  '-U', options.user, '-d', options.database, '-f', '-'];
    const child = spawn('psql', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
    });
    let script = '\\set FETCH_COUNT 1000\nBEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n';
    for (const s of sections)
        script += `\\echo @@${s.name}\nSELECT row_to_json(r) FROM (${s.sql}) r;\n`;
    child.stdin.on('error', () => {}); // psql's own message and exit status say what happened
    child.stdin.end(`${script}\\echo @@end\n`);

    const byName = new Map(sections.map((s) => [s.name, s]));
    let current = null;
    let complete = false;
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
        if (line.startsWith('@@')) {
            current = byName.get(line.slice(2));
            complete = line === '@@end';
        } else if (line !== '') {
            current.row(JSON.parse(line));
        }
    }
    const status = await ended;
    if (status !== 0 || !complete)
        throw new Error(`psql ended with status ${status}`);
}
