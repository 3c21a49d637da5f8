package yizheng.client;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/** One system's session: token, repetitions, problems, keys. */
final class Session {
    private static final long LONGEST_WAIT_MILLIS = 10_000;
    final Http http;
    final String clientId;
    String issuer;
    int attempts = 5;
    private final String kid;
    private final PrivateKey key;
    private boolean issuerChecked;
    private String token;
    private long renewAt;
    private volatile Map<String, PublicKey> keys = Collections.emptyMap();

    Session(String baseUrl, String clientId, String kid, byte[] keyPem) throws YizhengException {
        this.http = new Http(baseUrl);
        this.issuer = http.baseUrl;
        this.clientId = clientId;
        this.kid = kid;
        this.key = Jws.readKey(keyPem);
    }

    interface Check<T> {
        T in(Map<String, PublicKey> keys) throws YizhengException;
    }

    private interface Sending {
        Http.Reply with(Map<String, String> headers) throws IOException, YizhengException;
    }

    /** An answer that needs no sign-in, or one's own. */
    byte[] call(String method, String path, byte[] body, String idempotencyKey, boolean signedIn) throws YizhengException {
        return insist(headers -> http.send(method, path, body, headers, null), body, idempotencyKey, signedIn, null);
    }

    /** The whole answer to a POST that may come event by event; one that broke off is gone on with, not begun anew. */
    byte[] stream(String path, byte[] body, String idempotencyKey, Events events) throws YizhengException {
        Sending sending = headers -> {
            headers.putAll(events.headers());
            if (events.requestId() == null) {
                return http.send("POST", path, body, headers, events);
            }
            headers.remove("Content-Type");
            headers.remove("Idempotency-Key");
            String rest = "/api/v1/evidence-requests/" + segment(events.requestId()) + "/events";
            return http.send("GET", rest, null, headers, events);
        };
        return insist(sending, body, idempotencyKey, true, events);
    }

    /** With the known keys; they are fetched again once when one is unknown. */
    <T> T verified(Check<T> check) throws YizhengException {
        try {
            return check.in(keys);
        } catch (YizhengException error) {
            if (!error.reason().equals("unknown_key")) {
                throw error;
            }
        }
        Map<String, PublicKey> more = new HashMap<>(Jws.readKeySet(keySet()));
        more.putAll(keys);
        keys = more;
        return check.in(more);
    }

    byte[] keySet() throws YizhengException {
        return call("GET", "/.well-known/jwks.json", null, null, false);
    }

    /** Sends until there is an answer that a repetition would not change, or patience ends. */
    private byte[] insist(Sending sending, byte[] body, String idempotencyKey, boolean signedIn, Events events)
            throws YizhengException {
        boolean renewed = false;
        for (int attempt = 1; ; attempt++) {
            String bearer = signedIn ? accessToken() : null;
            YizhengException error;
            try {
                Http.Reply reply = sending.with(headers(body, idempotencyKey, bearer));
                if (reply.status >= 200 && reply.status < 300) {
                    return reply.body;
                }
                error = reply.error(signedIn);
                if (reply.status == 401 && signedIn && !renewed) {
                    forget(bearer); // a token may end early: once, at once, with a new one
                    renewed = true;
                    attempt--;
                    continue;
                }
            } catch (IOException failure) {
                error = new YizhengException("network", failure instanceof ConnectException ? "connect" : "broken");
            } catch (ProblemException problem) {
                error = problem;
            }
            if (events != null && error instanceof ProblemException) {
                events.refused();
            }
            if (events != null && events.further()) {
                attempt = 1; // the hub answers: only silence wears patience out
            }
            error.idempotencyKey(idempotencyKey);
            waitOrThrow(error, attempt);
        }
    }

    private static Map<String, String> headers(byte[] body, String idempotencyKey, String bearer) {
        Map<String, String> headers = new HashMap<>();
        if (body != null) {
            headers.put("Content-Type", Http.JSON);
        }
        if (idempotencyKey != null) {
            headers.put("Idempotency-Key", idempotencyKey);
        }
        if (bearer != null) {
            headers.put("Authorization", "Bearer " + bearer);
        }
        return headers;
    }

    private synchronized String accessToken() throws YizhengException {
        if (token == null || System.nanoTime() - renewAt >= 0) {
            checkIssuer();
            Sending sending = headers -> {
                headers.put("Content-Type", Http.FORM);
                return http.send("POST", "/oauth/token", tokenForm(), headers, null);
            };
            return tokenOf(read(insist(sending, null, null, false, null)));
        }
        return token;
    }

    /** Called under the lock. */
    private String tokenOf(Map<String, Object> given) throws YizhengException {
        Object seconds = given.get("expires_in");
        if (!(seconds instanceof Long) || !(given.get("access_token") instanceof String)) {
            throw new YizhengException("network", "not_the_hub");
        }
        long life = Math.max(0, Math.min((Long) seconds, 86_400));
        renewAt = System.nanoTime() + (life - Math.min(30, life / 4)) * 1_000_000_000L;
        token = (String) given.get("access_token");
        return token;
    }

    private synchronized void forget(String bearer) {
        if (bearer.equals(token)) {
            token = null;
        }
    }

    /** RFC 8414 §3.3: an assertion for a hub that calls itself otherwise could be used at that other one. */
    private void checkIssuer() throws YizhengException {
        if (!issuerChecked) {
            byte[] body = call("GET", "/.well-known/oauth-authorization-server", null, null, false);
            if (!issuer.equals(read(body).get("issuer"))) {
                throw new YizhengException("configuration", "the hub calls itself otherwise: set its name as issuer");
            }
            issuerChecked = true;
        }
    }

    /** A new assertion each time: one works once, even if its answer was lost. */
    private byte[] tokenForm() throws YizhengException {
        long now = System.currentTimeMillis() / 1000;
        Map<String, Object> claims = Json.object("iss", clientId, "sub", clientId, "aud", issuer,
                "iat", now - 5, "exp", now + 50, "jti", UUID.randomUUID().toString());
        return ("grant_type=client_credentials"
                + "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                + "&client_assertion=" + Jws.sign(claims, "client-authentication+jwt", kid, key))
                .getBytes(StandardCharsets.US_ASCII);
    }

    private void waitOrThrow(YizhengException error, int attempt) throws YizhengException {
        long asked = 0;
        boolean helps = error.kind().equals("network") && !error.reason().equals("not_the_hub");
        if (error instanceof ProblemException) {
            ProblemException problem = (ProblemException) error;
            problem.repeated(attempt > 1);
            asked = problem.retryAfterMillis();
            helps = problem.retryable() && problem.status() != 401;
        }
        long backoff = Math.min(250L << Math.min(attempt - 1, 10), LONGEST_WAIT_MILLIS);
        long wait = Math.max(asked, ThreadLocalRandom.current().nextLong(backoff / 2, backoff + 1));
        if (!helps || attempt >= attempts || wait > LONGEST_WAIT_MILLIS) {
            throw error;
        }
        try {
            Thread.sleep(wait);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }

    static byte[] bytes(Map<String, Object> value) {
        return Json.write(value).getBytes(StandardCharsets.UTF_8);
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> read(byte[] data) throws YizhengException {
        try {
            Map<String, Object> found = (Map<String, Object>) Json.parse(data);
            if (found != null) {
                return found;
            }
        } catch (IllegalArgumentException | ClassCastException error) {
            // Said below.
        }
        throw new YizhengException("network", "not_the_hub");
    }

    /** One segment of a path, or one value of a query: a slash in a code must not lead elsewhere. */
    static String segment(String value) throws YizhengException {
        if (value == null || value.isEmpty() || value.equals(".") || value.equals("..")) {
            throw new YizhengException("configuration", "a code or number is empty");
        }
        try {
            return URLEncoder.encode(value, "UTF-8").replace("+", "%20");
        } catch (IOException error) {
            throw new IllegalStateException("every Java has UTF-8");
        }
    }
}
