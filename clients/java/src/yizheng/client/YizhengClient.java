package yizheng.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLSocketFactory;

/**
 * A hub as one system sees it: token, case, query, evidence, each answer verified. Java 8, the JDK alone, safe for
 * several threads once it is set up.
 *
 * <p>Every POST carries an Idempotency-Key, the same at each repetition. A call is repeated when the hub's problem
 * document says that this helps, and when the network failed.
 */
public final class YizhengClient {
    private static final int MAX_ANSWER_BYTES = 16 * 1024 * 1024;
    private static final long LONGEST_WAIT_MILLIS = 10_000;
    /** How much older than its question an answer may look: two clocks are compared. */
    private static final long CLOCK_LEEWAY_SECONDS = 300;
    private static final List<Integer> BETWEEN = Arrays.asList(502, 503, 504);
    private final String baseUrl;
    private final String clientId;
    private final String kid;
    private final PrivateKey key;
    private String issuer;
    private String language = "zh-CN";
    private int timeoutMillis = 30_000;
    private int attempts = 5;
    private SSLSocketFactory tls;
    private boolean issuerChecked;
    private String token;
    private long renewAt;
    private volatile Map<String, PublicKey> keys = Collections.emptyMap();

    /** {@code kid} as registered; {@code keyPem}: the system's private key, PKCS#8. Nothing is sent yet. */
    public YizhengClient(String baseUrl, String clientId, String kid, byte[] keyPem) throws YizhengException {
        URI uri = URI.create(baseUrl);
        boolean local = Arrays.asList("127.0.0.1", "localhost", "[::1]").contains(uri.getHost());
        if (uri.getHost() == null || !("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()) && local)) {
            throw new YizhengException("configuration", "baseUrl is https://host; plain http on this machine only");
        }
        this.baseUrl = baseUrl.replaceAll("/+$", "");
        this.issuer = this.baseUrl;
        this.clientId = clientId;
        this.kid = kid;
        this.key = Jws.readKey(keyPem);
    }

    /** What the hub calls itself, where that is not the URL it is reached at. */
    public YizhengClient issuer(String name) {
        issuer = name;
        return this;
    }

    /** Of reasons and next steps: zh-CN or en. */
    public YizhengClient language(String tag) {
        language = tag;
        return this;
    }

    /** Until an answer begins, and again until it is whole; connecting takes at most five seconds. */
    public YizhengClient timeoutMillis(int millis) {
        timeoutMillis = millis;
        return this;
    }

    /** How often a request is sent at most; 1 never repeats. */
    public YizhengClient attempts(int most) {
        attempts = most;
        return this;
    }

    /** For a hub behind a private authority. */
    public YizhengClient tls(SSLSocketFactory factory) {
        tls = factory;
        return this;
    }

    /** A new case; members as in the API. */
    public Map<String, Object> openCase(Map<String, Object> opening) throws YizhengException {
        return openCase(opening, UUID.randomUUID().toString());
    }

    /** The same key gives the same case for 24 hours. */
    public Map<String, Object> openCase(Map<String, Object> opening, String idempotencyKey) throws YizhengException {
        return read(call("POST", "/api/v1/cases", bytes(opening), idempotencyKey, true).body);
    }

    /** One's own case as it stands. */
    public Map<String, Object> getCase(String caseNo) throws YizhengException {
        return read(call("GET", "/api/v1/cases/" + segment(caseNo), null, null, true).body);
    }

    /** Nothing is disclosed for a closed case. */
    public Map<String, Object> closeCase(String caseNo) throws YizhengException {
        String idempotencyKey = UUID.randomUUID().toString();
        Reply reply = null;
        try {
            reply = call("POST", "/api/v1/cases/" + segment(caseNo) + "/close", new byte[0], idempotencyKey, true);
        } catch (ProblemException error) {
            // Closing twice is a 409: after a repetition it says that the first one worked and its answer was lost.
            if (!error.slug().equals("case-closed") || !error.repeated()) {
                throw error;
            }
        }
        return reply == null ? getCase(caseNo) : read(reply.body);
    }

    /** One question to one source: case_no, purpose, party?, params?, fields?. A source that fails is an outcome. */
    public QueryAnswer query(String interfaceCode, Map<String, Object> question) throws YizhengException {
        String path = "/api/v1/interfaces/" + segment(interfaceCode) + "/query";
        byte[] body = bytes(question);
        long from = System.currentTimeMillis() / 1000 - CLOCK_LEEWAY_SECONDS;
        Reply reply = call("POST", path, body, UUID.randomUUID().toString(), true);
        String hash = Verifier.requestHash(path, body);
        return verified(known -> Verifier.query(reply.body, known, issuer, clientId, hash, from));
    }

    /** Evidence for the matter's requirements: purpose, requirements?. */
    public EvidenceAnswer evidence(String caseNo, Map<String, Object> request) throws YizhengException {
        String path = "/api/v1/cases/" + segment(caseNo) + "/evidence";
        byte[] body = bytes(request);
        long from = System.currentTimeMillis() / 1000 - CLOCK_LEEWAY_SECONDS;
        Reply reply = call("POST", path, body, UUID.randomUUID().toString(), true);
        String hash = Verifier.requestHash(path, body);
        return verified(known -> Verifier.evidence(reply.body, known, issuer, clientId, hash, from));
    }

    /** The hub's verdict on a licence or purpose copy; needs no sign-in. {@code audience} may be null. */
    public Map<String, Object> verify(String token, String audience) throws YizhengException {
        Map<String, Object> body = Json.object("token", token);
        if (audience != null) {
            body.put("audience", audience);
        }
        return read(call("POST", "/api/v1/verify", bytes(body), null, false).body);
    }

    /** The hub's key set as it is now. File it with the answers: both together verify for ever. */
    public byte[] keySet() throws YizhengException {
        return call("GET", "/.well-known/jwks.json", null, null, false).body;
    }

    private interface Check<T> {
        T in(Map<String, PublicKey> keys) throws YizhengException;
    }

    private static final class Reply {
        final int status;
        final byte[] body;
        final HttpURLConnection connection;

        Reply(int status, byte[] body, HttpURLConnection connection) {
            this.status = status;
            this.body = body;
            this.connection = connection;
        }
    }

    /** With the known keys; they are fetched again once when one is unknown. */
    private <T> T verified(Check<T> check) throws YizhengException {
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

    private Reply call(String method, String path, byte[] body, String idempotencyKey, boolean signedIn)
            throws YizhengException {
        boolean renewed = false;
        for (int attempt = 1; ; attempt++) {
            String bearer = signedIn ? accessToken() : null;
            YizhengException error;
            try {
                Reply reply = send(method, path, body, idempotencyKey, bearer, "application/json");
                if (reply.status >= 200 && reply.status < 300) {
                    return reply;
                }
                error = errorOf(reply, signedIn);
                if (reply.status == 401 && signedIn && !renewed) {
                    forget(bearer); // a token may end early: once, at once, with a new one
                    renewed = true;
                    attempt--;
                    continue;
                }
            } catch (IOException failure) {
                error = new YizhengException("network", failure instanceof ConnectException ? "connect" : "broken");
            }
            error.idempotencyKey(idempotencyKey);
            waitOrThrow(error, attempt);
        }
    }

    private synchronized String accessToken() throws YizhengException {
        if (token == null || System.nanoTime() - renewAt >= 0) {
            checkIssuer();
            for (int attempt = 1; ; attempt++) {
                YizhengException error;
                try {
                    Reply reply = send("POST", "/oauth/token", tokenForm(), null, null, "application/x-www-form-urlencoded");
                    if (reply.status == 200) {
                        return tokenOf(read(reply.body));
                    }
                    error = errorOf(reply, false);
                } catch (IOException failure) {
                    error = new YizhengException("network", failure instanceof ConnectException ? "connect" : "broken");
                }
                waitOrThrow(error, attempt);
            }
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
            Reply reply = call("GET", "/.well-known/oauth-authorization-server", null, null, false);
            if (!issuer.equals(read(reply.body).get("issuer"))) {
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

    private Reply send(String method, String path, byte[] body, String idempotencyKey, String bearer, String type)
            throws IOException, YizhengException {
        HttpURLConnection connection = (HttpURLConnection) new URL(baseUrl + path).openConnection();
        if (tls != null && connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls);
        }
        connection.setRequestMethod(method);
        connection.setConnectTimeout(Math.min(5_000, timeoutMillis));
        connection.setReadTimeout(timeoutMillis);
        connection.setInstanceFollowRedirects(false); // a redirect would carry token and body elsewhere
        connection.setUseCaches(false);
        connection.setRequestProperty("Accept", "application/json");
        connection.setRequestProperty("Accept-Language", language);
        if (bearer != null) {
            connection.setRequestProperty("Authorization", "Bearer " + bearer);
        }
        if (idempotencyKey != null) {
            connection.setRequestProperty("Idempotency-Key", idempotencyKey);
        }
        if (body != null) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", type);
            connection.setFixedLengthStreamingMode(body.length); // else Java repeats a POST by itself, and tells nobody
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
        }
        int status = connection.getResponseCode();
        return new Reply(status, content(connection, status, System.nanoTime() + timeoutMillis * 1_000_000L), connection);
    }

    /** A limit per read does not end an answer that drips, nor one that never ends. */
    private static byte[] content(HttpURLConnection connection, int status, long until) throws IOException {
        ByteArrayOutputStream found = new ByteArrayOutputStream();
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            byte[] part = new byte[16_384];
            for (int read = in == null ? -1 : in.read(part); read >= 0; read = in.read(part)) {
                found.write(part, 0, read);
                if (found.size() > MAX_ANSWER_BYTES || System.nanoTime() - until > 0) {
                    connection.disconnect();
                    throw new IOException("too large or too slow");
                }
            }
        }
        return found.toByteArray();
    }

    private static YizhengException errorOf(Reply reply, boolean signedIn) {
        if (reply.status == 401 && reply.body.length == 0) { // Java gives no body of a 401 to what it does not repeat
            String type = "/problems/" + (signedIn ? "invalid-token" : "invalid-client");
            return new ProblemException(401, Json.object("type", type, "who_must_act", "caller"), 0);
        }
        String type = reply.connection.getContentType();
        if (type != null && type.startsWith("application/problem+json")) {
            try {
                Map<String, Object> document = read(reply.body);
                Object asked = document.get("retry_after_seconds");
                return new ProblemException(reply.status, document, asked instanceof Long ? (Long) asked * 1000 : 0);
            } catch (YizhengException error) {
                return error;
            }
        }
        boolean between = BETWEEN.contains(reply.status); // a proxy speaks: the network failed
        return new YizhengException("network", between ? "gateway" : "not_the_hub");
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

    private static byte[] bytes(Map<String, Object> value) {
        return Json.write(value).getBytes(StandardCharsets.UTF_8);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> read(byte[] data) throws YizhengException {
        try {
            return (Map<String, Object>) Json.parse(data);
        } catch (IllegalArgumentException | ClassCastException error) {
            throw new YizhengException("network", "not_the_hub");
        }
    }

    private static String segment(String value) throws YizhengException {
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
