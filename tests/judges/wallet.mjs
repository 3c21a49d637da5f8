// Other people's wallet: @openid4vc's OpenID4VCI and OpenID4VP clients over node:crypto. A JSON request a line; whatever it
// fetches goes out as {"fetch": {url, method, headers, body}} and comes back as a line; then a JSON answer.
// {"op": "take", "offer", "digits", "keys"} → {"credentials"}: the pre-authorised code flow
// {"op": "begin", "issuer", "configuration", "client", "redirect"} → {"url"}; {"op": "finish", "back", "keys"} → {"credentials"}
// {"op": "renew", "old"?} → {"credentials"}: with the refresh token; {"op": "tell", "event", "id"?} → {"status"}: notification
// {"op": "sealed", "enc"} → {"credentials"}: request and answer encrypted (by node's own cryptography: the library has none)
// {"op": "metadata", "issuer"} → what the library has read
// {"op": "show", "request", "credential", "claims"} → {"asked", "answer"}: OpenID4VP
import { createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes, sign, verify, X509Certificate } from "node:crypto";
import { createInterface } from "node:readline";
import { Openid4vciClient, setGlobalConfig } from "@openid4vc/openid4vci";
import { Oauth2Client, resourceRequest } from "@openid4vc/oauth2";
import { Openid4vpClient } from "@openid4vc/openid4vp";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

setGlobalConfig({ allowInsecureUrls: true });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const heard = async () => JSON.parse((await lines.next()).value ?? "null");
const plain = { dsaEncoding: "ieee-p1363" };
const b64u = (value) => Buffer.from(value).toString("base64url");

const fetched = async (url, init = {}) => {
  const body = init.body === undefined ? null : init.body.toString();
  const headers = Object.fromEntries(new Headers(init.headers));
  say({ fetch: { url: url.toString(), method: init.method ?? "GET", headers, body } });
  const answer = await heard();
  return new Response(answer.status === 204 ? null : answer.body, { status: answer.status, headers: answer.headers });
};

const held = new Map();
const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = publicKey.export({ format: "jwk" });
  held.set(jwk.x, privateKey);
  return { method: "jwk", alg: "ES256", publicJwk: jwk };
};
const checked = ({ compact, key }) => {
  const [header, payload, signature] = compact.split(".");
  return verify("sha256", Buffer.from(`${header}.${payload}`), { key, ...plain }, Buffer.from(signature, "base64url"));
};

function agreed(privateKey, jwk, { enc, apu, apv }) {
  const shared = diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: "jwk" }) });
  const sized = (value) => Buffer.concat([Buffer.from([0, 0, 0, value.length]), value]);
  const bits = enc === "A256GCM" ? 256 : 128;
  const party = (value) => sized(Buffer.from(value ?? "", "base64url"));
  const info = Buffer.concat([sized(Buffer.from(enc)), party(apu), party(apv), Buffer.from([0, 0, bits >> 8, bits & 255])]);
  const secret = createHash("sha256").update(Buffer.concat([Buffer.from([0, 0, 0, 1]), shared, info])).digest().subarray(0, bits / 8);
  return { bits, secret };
}

function decrypted(jwe, privateKey) {
  const [protectedHeader, , iv, text, tag] = jwe.split(".");
  const header = JSON.parse(Buffer.from(protectedHeader, "base64url"));
  const { bits, secret } = agreed(privateKey, header.epk, header);
  const cipher = createDecipheriv(`aes-${bits}-gcm`, secret, Buffer.from(iv, "base64url")).setAAD(Buffer.from(protectedHeader));
  cipher.setAuthTag(Buffer.from(tag, "base64url"));
  return { header, body: JSON.parse(cipher.update(Buffer.from(text, "base64url"), undefined, "utf8") + cipher.final("utf8")) };
}

function encrypted(encryptor, data) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const epk = publicKey.export({ format: "jwk" });
  const { bits, secret } = agreed(privateKey, encryptor.publicJwk, encryptor);
  const header = { alg: "ECDH-ES", enc: encryptor.enc, epk: { kty: epk.kty, crv: epk.crv, x: epk.x, y: epk.y }, kid: encryptor.publicJwk.kid, ...(encryptor.apu && { apu: encryptor.apu }), ...(encryptor.apv && { apv: encryptor.apv }) };
  const protectedHeader = b64u(JSON.stringify(header));
  const iv = randomBytes(12);
  const cipher = createCipheriv(`aes-${bits}-gcm`, secret, iv).setAAD(Buffer.from(protectedHeader));
  const text = Buffer.concat([cipher.update(data, "utf8"), cipher.final()]);
  const jwe = [protectedHeader, "", b64u(iv), b64u(text), b64u(cipher.getAuthTag())].join(".");
  return { encryptionJwk: encryptor.publicJwk, jwe };
}

const callbacks = {
  fetch: fetched,
  hash: (data, alg) => new Uint8Array(createHash(alg.replace("-", "")).update(data).digest()),
  generateRandom: (length) => new Uint8Array(randomBytes(length)),
  clientAuthentication: ({ body }) => {
    if (client !== undefined) body.client_id = client;
  },
  signJwt: (signer, { header, payload }) => {
    const input = `${b64u(JSON.stringify(header))}.${b64u(JSON.stringify(payload))}`;
    const signature = sign("sha256", Buffer.from(input), { key: held.get(signer.publicJwk.x), ...plain });
    return { jwt: `${input}.${b64u(signature)}`, signerJwk: signer.publicJwk };
  },
  verifyJwt: (signer, { compact }) => {
    const key = signer.method === "x5c" ? new X509Certificate(Buffer.from(signer.x5c[0], "base64")).publicKey : createPublicKey({ key: signer.publicJwk, format: "jwk" });
    return { verified: checked({ compact, key }), signerJwk: key.export({ format: "jwk" }) };
  },
  encryptJwe: encrypted,
  decryptJwe: () => ({ decrypted: false }),
  getX509CertificateMetadata: (pem) => {
    const names = new X509Certificate(Buffer.from(pem, "base64")).subjectAltName.split(", ");
    const of = (kind) => names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
    return { sanDnsNames: of("DNS:"), sanUriNames: of("URI:") };
  },
};
let client;
const issuing = new Openid4vciClient({ callbacks });
const showing = new Openid4vpClient({ callbacks });
let begun, thumbs, session;

// The client names configurations only: a request by identifier goes through its part for OAuth 2 and DPoP.
async function named({ body, ...more }) {
  const headers = { "Content-Type": "application/json" };
  const { response } = await resourceRequest({ ...more, callbacks, requestOptions: { method: "POST", headers, body: JSON.stringify(body) } });
  return response.json();
}

async function proofs({ issuerMetadata, configuration, keys }) {
  const { c_nonce: nonce } = await issuing.requestNonce({ issuerMetadata });
  const signers = Array.from({ length: keys }, newKey);
  thumbs = signers.map((signer) => signer.publicJwk);
  const jwt = [];
  for (const signer of signers) {
    const proof = { issuerMetadata, signer, nonce, issuedAt: new Date(), credentialConfigurationId: configuration };
    jwt.push((await issuing.createCredentialRequestJwtProof(proof)).jwt);
  }
  return jwt;
}

async function taken({ credentialOffer, issuerMetadata, token, dpop, keys, identifier }) {
  const configuration = credentialOffer.credential_configuration_ids[0];
  const jwt = await proofs({ issuerMetadata, configuration, keys });
  session = { credentialOffer, issuerMetadata, token, dpop, identifier };
  const asked = { accessToken: token.access_token, dpop };
  const answer =
    identifier === undefined
      ? (await issuing.retrieveCredentials({ ...asked, issuerMetadata, credentialConfigurationId: configuration, proofs: { jwt } })).credentialResponse
      : await named({ ...asked, url: issuerMetadata.credentialIssuer.credential_endpoint, body: { credential_identifier: identifier, proofs: { jwt } } });
  session.told = answer.notification_id;
  return { credentials: answer.credentials.map((item) => item.credential), token, thumbs, told: session.told };
}

const operations = {
  async take({ offer, digits, keys = 1 }) {
    client = undefined;
    const credentialOffer = await issuing.resolveCredentialOffer(offer);
    const issuerMetadata = await issuing.resolveIssuerMetadata(credentialOffer.credential_issuer);
    const request = { credentialOffer, issuerMetadata, txCode: digits, dpop: { signer: newKey() } };
    const { accessTokenResponse, dpop } = await issuing.retrievePreAuthorizedCodeAccessTokenFromOffer(request);
    return taken({ credentialOffer, issuerMetadata, token: accessTokenResponse, dpop, keys });
  },
  async begin({ issuer, configuration, client: name, redirect, details }) {
    client = name;
    const issuerMetadata = await issuing.resolveIssuerMetadata(issuer);
    const credentialOffer = { credential_issuer: issuer, credential_configuration_ids: [configuration], grants: { authorization_code: {} } };
    const asked = [{ type: "openid_credential", credential_configuration_id: configuration }];
    const request = {
      issuerMetadata,
      credentialOffer,
      clientId: client,
      redirectUri: redirect,
      scope: details ? undefined : configuration,
      additionalRequestPayload: { state: "s1", ...(details && { authorization_details: JSON.stringify(asked) }) },
      dpop: { signer: newKey() },
    };
    const { authorizationRequestUrl, pkce, dpop } = await issuing.createAuthorizationRequestUrlFromOffer(request);
    begun = { issuerMetadata, credentialOffer, pkce, dpop: dpop ?? request.dpop, redirect };
    return { url: authorizationRequestUrl };
  },
  async finish({ back, keys = 1 }) {
    const { issuerMetadata, credentialOffer, pkce, dpop, redirect } = begun;
    const { authorizationServers } = issuerMetadata;
    const answer = issuing.parseAndVerifyAuthorizationResponseRedirectUrl({ url: back, authorizationServerMetadata: authorizationServers[0] });
    const request = { issuerMetadata, credentialOffer, authorizationCode: answer.code, pkceCodeVerifier: pkce.codeVerifier, redirectUri: redirect, dpop };
    const got = await issuing.retrieveAuthorizationCodeAccessTokenFromOffer(request);
    const token = got.accessTokenResponse;
    const identifier = token.authorization_details?.[0]?.credential_identifiers?.[0];
    return taken({ credentialOffer, issuerMetadata, token, dpop: got.dpop, keys, identifier });
  },
  async renew({ old, keys = 1 }) {
    const { issuerMetadata, token, dpop } = session;
    const request = { authorizationServerMetadata: issuerMetadata.authorizationServers[0], refreshToken: old ?? token.refresh_token, dpop };
    const got = await new Oauth2Client({ callbacks }).retrieveRefreshTokenAccessToken(request);
    return taken({ ...session, token: got.accessTokenResponse, dpop: got.dpop, keys });
  },
  async tell({ event, id }) {
    const { issuerMetadata, token, dpop } = session;
    const notification = { notificationId: id ?? session.told, event };
    const { response } = await issuing.sendNotification({ issuerMetadata, notification, accessToken: token.access_token, dpop });
    return { status: response.status };
  },
  async sealed({ enc }) {
    const { issuerMetadata, credentialOffer, token, dpop } = session;
    const [configuration] = credentialOffer.credential_configuration_ids;
    const issuer = issuerMetadata.credentialIssuer;
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...publicKey.export({ format: "jwk" }), alg: "ECDH-ES", kid: "mine", use: "enc" };
    const jwt = await proofs({ issuerMetadata, configuration, keys: 1 });
    const body = { credential_configuration_id: configuration, proofs: { jwt }, credential_response_encryption: { jwk, enc } };
    const { jwe } = encrypted({ publicJwk: issuer.credential_request_encryption.jwks.keys[0], enc }, JSON.stringify(body));
    const options = { url: issuer.credential_endpoint, accessToken: token.access_token, dpop, callbacks };
    const { response } = await resourceRequest({ ...options, requestOptions: { method: "POST", headers: { "Content-Type": "application/jwt" }, body: jwe } });
    const found = decrypted(await response.text(), privateKey);
    return { type: response.headers.get("content-type"), header: found.header, credentials: found.body.credentials.map((item) => item.credential) };
  },
  async metadata({ issuer }) {
    const { credentialIssuer, authorizationServers, originalDraftVersion } = await issuing.resolveIssuerMetadata(issuer);
    return { issuer: credentialIssuer, server: authorizationServers[0], version: originalDraftVersion };
  },
  async show({ request, credential, claims, mine = 0, ...wrong }) {
    const params = showing.parseOpenid4vpAuthorizationRequest({ authorizationRequest: request }).params;
    const asked = await showing.resolveOpenId4vpAuthorizationRequest({ authorizationRequestPayload: params });
    const payload = asked.authorizationRequestPayload;
    const signer = (data) => sign("sha256", Buffer.from(data), { key: held.get(thumbs[mine].x), ...plain }).toString("base64url");
    const digest = (data, alg) => new Uint8Array(createHash(alg.replace("-", "")).update(typeof data === "string" ? data : new Uint8Array(data)).digest());
    const holder = new SDJwtVcInstance({ hasher: digest, hashAlg: "sha-256", kbSigner: signer, kbSignAlg: "ES256" });
    const kb = { iat: Math.floor(Date.now() / 1000), aud: payload.client_id, nonce: payload.nonce, ...wrong.kb };
    const frame = Object.fromEntries((claims ?? payload.dcql_query.credentials[0].claims.map((c) => c.path[0])).map((name) => [name, true]));
    const token = await holder.present(credential, frame, { kb: { payload: kb } });
    const authorizationResponsePayload = { vp_token: { [payload.dcql_query.credentials[0].id]: [token] } };
    const serverMetadata = { authorization_encryption_alg_values_supported: ["ECDH-ES"], authorization_encryption_enc_values_supported: ["A256GCM", "A128GCM"] };
    const made = await showing.createOpenid4vpAuthorizationResponse({ authorizationRequestPayload: payload, authorizationResponsePayload, jarm: { encryption: { nonce: "abc" }, serverMetadata } });
    const target = { ...payload, response_uri: wrong.elsewhere ?? payload.response_uri };
    const { response } = await showing.submitOpenid4vpAuthorizationResponse({ authorizationRequestPayload: target, authorizationResponsePayload: made.authorizationResponsePayload, jarm: made.jarm });
    const told = response.ok ? await response.json() : {};
    return { asked: payload, prefix: asked.client.prefix, status: response.status, back: told.redirect_uri };
  },
};

for (let request = await heard(); request !== null; request = await heard()) {
  try {
    say(await operations[request.op](request));
  } catch (error) {
    say({ error: `${error.name}: ${error.message}`, cause: error.response?.credentialErrorResponseResult?.data ?? error.errorResponse });
  }
}
