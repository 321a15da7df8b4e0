/* Imported first by every script here: says plainly what is wrong when Node is too old, instead of
 * failing somewhere inside a package. */
const wanted = [20, 19, 0];
const have = process.versions.node.split('.').map(Number);
const order = wanted.map((n, i) => have[i] - n).find((d) => d !== 0) ?? 0;
if (order < 0) {
    console.error(
        `These tests need Node ${wanted.join('.')} or newer; this is Node ${process.versions.node}.`,
    );
    process.exit(2);
}
