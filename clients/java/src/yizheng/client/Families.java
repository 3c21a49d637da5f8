package yizheng.client;

import java.util.Map;
import java.util.UUID;

/** Life events: the cases of one opened, asked and closed together. Members as in the API; each call gives the one view. */
public final class Families {
    private static final String PATH = "/api/v1/families";
    private final Session session;

    Families(Session session) {
        this.session = session;
    }

    /** The cases of every matter that applies, or none: event, parties, presented?, operator, channel, external_no, … */
    public Map<String, Object> open(Map<String, Object> opening) throws YizhengException {
        return open(opening, UUID.randomUUID().toString());
    }

    /** The same key gives the same family for 24 hours. */
    public Map<String, Object> open(Map<String, Object> opening, String idempotencyKey) throws YizhengException {
        return post(PATH, opening, idempotencyKey);
    }

    /** Every case, what it waits for, and one list of what is still needed. */
    public Map<String, Object> get(String familyNo) throws YizhengException {
        return Session.read(session.call("GET", of(familyNo, ""), null, null, true));
    }

    /** Answers to questions, once for all cases that ask; null takes one back. */
    public Map<String, Object> answer(String familyNo, Map<String, Object> facts) throws YizhengException {
        return post(of(familyNo, "/facts"), Json.object("facts", facts), UUID.randomUUID().toString());
    }

    /** A party that had no number gets it: party, id_type, id_number, name?, operator. */
    public Map<String, Object> name(String familyNo, Map<String, Object> named) throws YizhengException {
        return post(of(familyNo, "/parties"), named, UUID.randomUUID().toString());
    }

    /**
     * Evidence for all open cases: purpose, purposes?. What it gives is an overview; each case's signed answer is
     * fetched by its evidence_request_id with {@link YizhengClient#fetchAgain}.
     */
    public Map<String, Object> evidence(String familyNo, Map<String, Object> request) throws YizhengException {
        return post(of(familyNo, "/evidence"), request, UUID.randomUUID().toString());
    }

    /** The forms of all matters as one, filled from what was disclosed: what two ask stands there once. */
    public Map<String, Object> form(String familyNo) throws YizhengException {
        return Session.read(session.call("GET", of(familyNo, "/form"), null, null, true));
    }

    /** What the person says to the one form: answers, change_no?. What is left out is taken back. */
    public Map<String, Object> fillForm(String familyNo, Map<String, Object> said) throws YizhengException {
        return Session.read(session.call("PUT", of(familyNo, "/form"), Session.bytes(said), null, true));
    }

    /** The person's signature or confirmation: party, digest, confirmation or jws. */
    public Map<String, Object> signForm(String familyNo, Map<String, Object> signature) throws YizhengException {
        return post(of(familyNo, "/form/sign"), signature, UUID.randomUUID().toString());
    }

    /** Every case that is still open; when_paid or abandon where something is owed, else an empty object. */
    public Map<String, Object> close(String familyNo, Map<String, Object> said) throws YizhengException {
        try {
            return post(of(familyNo, "/close"), said, UUID.randomUUID().toString());
        } catch (ProblemException error) {
            error.unlessDone();
            return get(familyNo);
        }
    }

    private Map<String, Object> post(String path, Map<String, Object> body, String idempotencyKey) throws YizhengException {
        return Session.read(session.call("POST", path, Session.bytes(body), idempotencyKey, true));
    }

    private static String of(String familyNo, String rest) throws YizhengException {
        return PATH + "/" + Session.segment(familyNo) + rest;
    }
}
