package yizheng.client;

import java.util.Collections;
import java.util.Map;

/** The hub refused, with a problem document (RFC 9457). */
public final class ProblemException extends YizhengException {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final transient Map<String, Object> document;
    private final long retryAfterMillis;
    private boolean repeated;

    ProblemException(int status, Map<String, Object> document, long retryAfterMillis) {
        super("problem", slug(document), slug(document) + " (" + status + "), to act: " + document.get("who_must_act") + faults(document)
                + (document.get("instance") == null ? "" : "; " + document.get("instance")));
        this.status = status;
        this.document = Collections.unmodifiableMap(document);
        this.retryAfterMillis = retryAfterMillis;
    }

    static ProblemException of(int status, Map<String, Object> document) {
        Object asked = document.get("retry_after_seconds");
        return new ProblemException(status, document, asked instanceof Long ? (Long) asked * 1000 : 0);
    }

    /** The end of the type, which is stable: case-closed, not-granted, … */
    public String slug() {
        return slug(document);
    }

    /** The HTTP status. */
    public int status() {
        return status;
    }

    /** caller, operator, owner or nobody. */
    public String whoMustAct() {
        return String.valueOf(document.get("who_must_act"));
    }

    /** Whether the same request may succeed later. */
    public boolean retryable() {
        return Boolean.TRUE.equals(document.get("retryable"));
    }

    /** How long the hub asks to wait; 0 when it does not say. */
    public long retryAfterMillis() {
        return retryAfterMillis;
    }

    /** The whole document. */
    public Map<String, Object> document() {
        return document;
    }

    /** Closing twice is a 409: after a repetition it says that the first one worked and its answer was lost. */
    void unlessDone() throws ProblemException {
        if (!slug().equals("case-closed") || !repeated) {
            throw this;
        }
    }

    void repeated(boolean value) {
        repeated = value;
    }

    private static String slug(Map<String, Object> document) {
        String type = String.valueOf(document.get("type"));
        return type.substring(type.lastIndexOf('/') + 1);
    }

    private static String faults(Map<String, Object> document) {
        StringBuilder found = new StringBuilder();
        if (document.get("errors") instanceof Iterable) {
            for (Object item : (Iterable<?>) document.get("errors")) {
                if (item instanceof Map) {
                    found.append("; ").append(((Map<?, ?>) item).get("pointer")).append(' ').append(((Map<?, ?>) item).get("rule"));
                }
            }
        }
        return found.toString();
    }
}
