package yizheng.client;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import javax.net.ssl.SSLSocketFactory;

/**
 * A hub as one system sees it: token, case, query, evidence, each answer verified. Java 8, the JDK alone, safe for
 * several threads once it is set up.
 *
 * <p>Every POST carries an Idempotency-Key, the same at each repetition. A call is repeated when the hub's problem
 * document says that this helps, and when the network failed.
 */
public final class YizhengClient {
    /** How much older than its question an answer may look: two clocks are compared. */
    private static final long CLOCK_LEEWAY_SECONDS = 300;
    private static final String CASES = "/api/v1/cases";
    private final Session session;

    /** {@code kid} as registered; {@code keyPem}: the system's private key, PKCS#8. Nothing is sent yet. */
    public YizhengClient(String baseUrl, String clientId, String kid, byte[] keyPem) throws YizhengException {
        session = new Session(baseUrl, clientId, kid, keyPem);
    }

    /** What the hub calls itself, where that is not the URL it is reached at. */
    public YizhengClient issuer(String name) {
        session.issuer = name;
        return this;
    }

    /** Of reasons and next steps: zh-CN or en. */
    public YizhengClient language(String tag) {
        session.http.language = tag;
        return this;
    }

    /**
     * Until an answer begins, and again until it is whole; of a stream, until another requirement is settled.
     * Connecting takes at most five seconds.
     */
    public YizhengClient timeoutMillis(int millis) {
        session.http.timeoutMillis = millis;
        return this;
    }

    /** How often a request is sent at most; 1 never repeats. */
    public YizhengClient attempts(int most) {
        session.attempts = most;
        return this;
    }

    /** For a hub behind a private authority. */
    public YizhengClient tls(SSLSocketFactory factory) {
        session.http.tls = factory;
        return this;
    }

    /** A new case; members as in the API: parties by role, or presented by the codes that they show. */
    public Map<String, Object> openCase(Map<String, Object> opening) throws YizhengException {
        return openCase(opening, UUID.randomUUID().toString());
    }

    /** The same key gives the same case for 24 hours. */
    public Map<String, Object> openCase(Map<String, Object> opening, String idempotencyKey) throws YizhengException {
        return Session.read(session.call("POST", CASES, Session.bytes(opening), idempotencyKey, true));
    }

    /** One's own case as it stands. */
    public Map<String, Object> getCase(String caseNo) throws YizhengException {
        return get(of(caseNo, ""));
    }

    /** The case that was opened under this number of your own; null: there is none. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> findCase(String externalNo) throws YizhengException {
        Object found = get(CASES + "?external_no=" + Session.segment(externalNo)).get("cases");
        boolean one = found instanceof List && !((List<?>) found).isEmpty();
        return one ? (Map<String, Object>) ((List<?>) found).get(0) : null;
    }

    /** What happened in a case behind the event of this number; 0: all. */
    public Map<String, Object> caseEvents(String caseNo, long after) throws YizhengException {
        return get(of(caseNo, "/events?after=" + after));
    }

    /** Answers to the matter's questions, by code; null takes one back. */
    public Map<String, Object> answer(String caseNo, Map<String, Object> facts) throws YizhengException {
        return Session.read(post(of(caseNo, "/facts"), Json.object("facts", facts)));
    }

    /** The case's form, filled from what was disclosed to it. */
    public Map<String, Object> form(String caseNo) throws YizhengException {
        return get(of(caseNo, "/form"));
    }

    /** Nothing is disclosed for a closed case. */
    public Map<String, Object> closeCase(String caseNo) throws YizhengException {
        return closeCase(caseNo, Json.object());
    }

    /** The same where something is owed to it: when_paid or abandon. */
    public Map<String, Object> closeCase(String caseNo, Map<String, Object> said) throws YizhengException {
        try {
            return Session.read(post(of(caseNo, "/close"), said));
        } catch (ProblemException error) {
            error.unlessDone();
            return getCase(caseNo);
        }
    }

    /** Life events, whose cases are opened, asked and closed together. */
    public Families families() {
        return new Families(session);
    }

    /** One question to one source: case_no, purpose, party?, params?, fields?. A source that fails is an outcome. */
    public QueryAnswer query(String interfaceCode, Map<String, Object> question) throws YizhengException {
        String path = "/api/v1/interfaces/" + Session.segment(interfaceCode) + "/query";
        byte[] body = Session.bytes(question);
        long from = earliest();
        byte[] raw = session.call("POST", path, body, UUID.randomUUID().toString(), true);
        String hash = Verifier.requestHash(path, body);
        return session.verified(keys -> Verifier.query(raw, keys, session.issuer, session.clientId, hash, from));
    }

    /** Evidence for the matter's requirements: purpose, requirements? or materials?, answers?. */
    public EvidenceAnswer evidence(String caseNo, Map<String, Object> request) throws YizhengException {
        long from = earliest();
        String path = of(caseNo, "/evidence");
        byte[] body = Session.bytes(request);
        return evidence(path, body, session.call("POST", path, body, UUID.randomUUID().toString(), true), from);
    }

    /**
     * The same, and {@code told} hears of each requirement once, when it is settled: for a screen, not verified yet,
     * and nothing to act on. A connection that breaks off is gone on with. What is returned at the end is verified.
     */
    public EvidenceAnswer stream(String caseNo, Map<String, Object> request, Consumer<Map<String, Object>> told)
            throws YizhengException {
        long from = earliest();
        String path = of(caseNo, "/evidence");
        byte[] body = Session.bytes(request);
        return evidence(path, body, session.stream(path, body, UUID.randomUUID().toString(), new Events(told)), from);
    }

    /** An answer that was given, the same bytes again, while case and grants hold. */
    public EvidenceAnswer fetchAgain(String evidenceRequestId) throws YizhengException {
        String path = "/api/v1/evidence-requests/" + Session.segment(evidenceRequestId);
        byte[] raw = session.call("GET", path, null, null, true);
        EvidenceAnswer found = session.verified(keys -> Verifier.evidence(raw, keys, session.issuer, session.clientId, null));
        if (!found.evidenceRequestId().equals(evidenceRequestId)) {
            throw YizhengException.verification("another_request");
        }
        return found;
    }

    /** The hub's verdict on a licence or purpose copy; needs no sign-in. {@code audience} may be null. */
    public Map<String, Object> verify(String token, String audience) throws YizhengException {
        Map<String, Object> body = Json.object("token", token);
        if (audience != null) {
            body.put("audience", audience);
        }
        return Session.read(session.call("POST", "/api/v1/verify", Session.bytes(body), null, false));
    }

    /** The hub's key set as it is now. File it with the answers: both together verify for ever. */
    public byte[] keySet() throws YizhengException {
        return session.keySet();
    }

    private EvidenceAnswer evidence(String path, byte[] body, byte[] raw, long from) throws YizhengException {
        String hash = Verifier.requestHash(path, body);
        return session.verified(keys -> Verifier.evidence(raw, keys, session.issuer, session.clientId, hash, from));
    }

    private static long earliest() {
        return System.currentTimeMillis() / 1000 - CLOCK_LEEWAY_SECONDS;
    }

    private static String of(String caseNo, String rest) throws YizhengException {
        return CASES + "/" + Session.segment(caseNo) + rest;
    }

    private Map<String, Object> get(String path) throws YizhengException {
        return Session.read(session.call("GET", path, null, null, true));
    }

    private byte[] post(String path, Map<String, Object> body) throws YizhengException {
        return session.call("POST", path, Session.bytes(body), UUID.randomUUID().toString(), true);
    }
}
