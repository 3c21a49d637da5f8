// Other people's verifiers behind one process: a JSON request a line, a JSON answer a line, until the input ends.
// {"op": "verify", "token", "jwk", "now"?, "nonce"?, "required"?} → {"claims"} or {"error"}
// {"op": "statuses", "token", "indexes"} → {"statuses"}: a status list, its signature not looked at
// {"op": "issue" | "verify_often" | "present_often", "seconds", …} → {"rate"} a second, for the benchmarks
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { getListFromStatusListJWT } from "@sd-jwt/jwt-status-list";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

const plain = { dsaEncoding: "ieee-p1363" };
const hasher = (data, alg) => {
  if (alg.toLowerCase() !== "sha-256") throw new Error(`no digest ${alg}`);
  return new Uint8Array(createHash("sha256").update(typeof data === "string" ? data : new Uint8Array(data)).digest());
};
const checker = (jwk) => {
  const key = createPublicKey({ key: jwk, format: "jwk" });
  return (data, signature) =>
    verify("sha256", Buffer.from(data), { key, ...plain }, Buffer.from(signature, "base64url"));
};

const instance = (jwk, more = {}) =>
  new SDJwtVcInstance({
    hasher,
    hashAlg: "sha-256",
    saltGenerator: (length) => randomBytes(length).toString("base64url"),
    verifier: checker(jwk),
    kbVerifier: (data, signature, payload) => checker(payload.cnf.jwk)(data, signature),
    ...more,
  });

const signing = (pem) => {
  const key = createPrivateKey(pem);
  return (data) => sign("sha256", Buffer.from(data), { key, ...plain }).toString("base64url");
};

async function often(seconds, job) {
  for (let warm = 0; warm < 20; warm += 1) await job();
  const start = process.hrtime.bigint();
  let done = 0;
  while (Number(process.hrtime.bigint() - start) < seconds * 1e9) {
    for (let turn = 0; turn < 10; turn += 1) await job();
    done += 10;
  }
  return { rate: (done * 1e9) / Number(process.hrtime.bigint() - start) };
}

const operations = {
  async verify({ token, jwk, now, nonce, required }) {
    const options = { currentDate: now, requiredClaimKeys: required, keyBindingNonce: nonce };
    const { payload, kb } = await instance(jwk).verify(token, options);
    return { claims: payload, bound: kb !== undefined };
  },
  statuses({ token, indexes }) {
    const list = getListFromStatusListJWT(token);
    return { statuses: indexes.map((index) => list.getStatus(index)), entries: list.statusList.length };
  },
  issue({ claims, selective, pem, jwk, seconds }) {
    const issuer = instance(jwk, { signer: signing(pem), signAlg: "ES256" });
    return often(seconds, () => issuer.issue(claims, { _sd: selective }));
  },
  verify_often({ token, jwk, now, seconds }) {
    const verifier = instance(jwk);
    return often(seconds, () => verifier.verify(token, { currentDate: now }));
  },
  present_often({ token, jwk, names, kb, seconds }) {
    const holder = instance(jwk, kb === undefined ? {} : { kbSigner: signing(kb.pem), kbSignAlg: "ES256" });
    const frame = Object.fromEntries(names.map((name) => [name, true]));
    const options = kb === undefined ? undefined : { kb: { payload: kb.payload } };
    return often(seconds, () => holder.present(token, frame, options));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await operations[request.op](request);
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
