package yizheng.client;

/**
 * What went wrong: {@code network} (nobody knows whether the work was done), {@code verification} (an answer that must
 * not be believed), {@code configuration} (nothing was sent) or {@code problem} (see {@link ProblemException}). The
 * message holds no value of a request or an answer, so it may be logged.
 */
public class YizhengException extends Exception {
    private static final long serialVersionUID = 1L;
    private final String kind;
    private final String reason;
    private String idempotencyKey;

    YizhengException(String kind, String reason) {
        this(kind, reason, kind + ": " + reason);
    }

    YizhengException(String kind, String reason, String message) {
        super(message);
        this.kind = kind;
        this.reason = reason;
    }

    static YizhengException verification(String reason) {
        return new YizhengException("verification", reason);
    }

    /** network, verification, configuration or problem. */
    public String kind() {
        return kind;
    }

    /** A stable code; of a problem the end of its type. */
    public String reason() {
        return reason;
    }

    /** The key the request had: send it again to get the same effect. Null where there was none. */
    public String idempotencyKey() {
        return idempotencyKey;
    }

    void idempotencyKey(String key) {
        idempotencyKey = key;
    }
}
