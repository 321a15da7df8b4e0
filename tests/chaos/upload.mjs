/* An upload that breaks off: the client ends its side, resets, or is silent, anywhere in the body. It is
 * refused or closed, nothing is stored, and no file is left. Then the same upload, whole, is taken.
 * Usage: upload.mjs */
import net from 'node:net';
import { join } from 'node:path';
import { parse } from '../apigate/client.mjs';
import { newOperator, settle } from './load.mjs';
import { Member, filesBelow, until } from './member.mjs';
import { runCheck } from './report.mjs';

const SILENCE_MS = 40000;

/* Sends a head that announces the whole and `sent` bytes of it; resolves with what came back. */
function breakOff(api, person, path, body, sent, how) {
    return new Promise((done, fail) => {
        const parts = [];
        const head = `PUT ${path} HTTP/1.1\r\nHost: ${api.base.host}\r\nAuthorization: Bearer ${person.token}\r\n` +
            `Content-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`;
        const socket = net.connect(Number(api.base.port), api.base.hostname, () => {
            socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, sent)]), () => {
                if (how === 'end') socket.end();
                if (how === 'reset') socket.resetAndDestroy();
            });
        });
        socket.setTimeout(SILENCE_MS, () => fail(new Error('neither answered nor closed')));
        socket.on('data', (p) => parts.push(p));
        socket.on('error', () => {});
        socket.on('close', () => done(Buffer.concat(parts).toString('latin1').split('\r\n')[0]));
    });
}

await runCheck(async (report) => {
    const operator = newOperator();
    const member = new Member(operator);
    await member.start();
    const world = await settle(member, operator);
    const [patient] = world.patients;
    const draft = await world.record(patient, { stored: false });
    const path = `/v1/records/${draft.record}/versions/1`;
    const whole = draft.envelope;
    for (const [how, sent] of [['end', 0], ['end', 1], ['end', whole.length >> 1], ['end', whole.length - 1],
        ['reset', 1], ['reset', whole.length >> 1], ['silence', whole.length >> 1]]) {
        const begun = Date.now();
        const line = await breakOff(world.api, patient, `${path}/content`, whole, sent, how);
        const right = line === '' || /^HTTP\/1\.1 40[08] /.test(line);
        const ms = Date.now() - begun;
        report.check(right, `${how} after ${sent} of ${whole.length} bytes: ${line || 'closed'} (${ms} ms)`);
    }
    await until('no file in tmp', 5000, () => filesBelow(join(member.data, 'tmp')).length === 0);
    report.check(filesBelow(join(member.data, 'blobs')).length === 0, 'no file is left in tmp or blobs');
    const version = parse(await world.api.must(200, patient, 'GET', path));
    report.check(version.state === 'pending', `the version is ${version.state}`);
    const put = await world.api.call(patient, 'PUT', `${path}/content`, { file: whole });
    const got = await world.api.call(patient, 'GET', `${path}/content`);
    report.check(put.status === 204 && got.body.equals(whole), 'the whole upload is taken and comes back');
    await member.stop();
});
