/* Who may call what, read from openapi.yaml: x-roles, x-ownership, x-parties. Nine callers stand for
 * all; for an operation on an object they are chosen around that object's owner. */
import './node-version.mjs';

export const CALLERS = [
    'anonymous',
    'no-role',
    'patient-owner',
    'patient-other',
    'sponsor-owner',
    'sponsor-other',
    'reviewer-seat',
    'reviewer-other',
    'operator',
];
const ROLE_OF = {
    'patient-owner': 'patient',
    'patient-other': 'patient',
    'sponsor-owner': 'sponsor',
    'sponsor-other': 'sponsor',
    'reviewer-seat': 'reviewer',
    'reviewer-other': 'reviewer',
    operator: 'operator',
};
const PARTY = {
    patient: 'patient-owner',
    sponsor: 'sponsor-owner',
    reviewer: 'reviewer-seat',
    operator: 'operator',
};

/* The people behind the names. A submission's seats decide who holds one; elsewhere the first does. */
export function people(w, target) {
    const seated = target.seat?.reviewer ?? target.seats?.[0].reviewer ?? w.reviewers[0];
    const held = new Set((target.seats ?? [{ reviewer: seated }]).map((s) => s.reviewer));
    return {
        anonymous: null,
        'no-role': w.plain,
        'patient-owner': w.patients[0],
        'patient-other': w.patients[1],
        'sponsor-owner': w.sponsors[0],
        'sponsor-other': w.sponsors[1],
        'reviewer-seat': seated,
        'reviewer-other': w.reviewers.find((r) => !held.has(r)),
        operator: w.operator,
    };
}

/* "self" is whoever made the object: in these tests the first patient. */
const parties = (operation) =>
    new Set(operation.parties.map((p) => (p === 'self' ? 'patient-owner' : PARTY[p])));

/* 2xx, 401, 403 or 404: what this caller must get for a request that is right in all else. */
export function verdictFor(operation, caller) {
    const { who, ownership } = operation;
    if (who === 'anyone') return 200;
    if (caller === 'anonymous') return 401;
    if (who !== 'signed-in' && ROLE_OF[caller] !== who) return 403;
    return ownership === 'none' || parties(operation).has(caller) ? 200 : 404;
}

/* The caller that an operation is made for: goes last, because success may use the object up. */
export const principal = (operation) =>
    CALLERS.findLast(
        (c) =>
            verdictFor(operation, c) === 200 &&
            (operation.ownership === 'none' || parties(operation).has(c)),
    );
