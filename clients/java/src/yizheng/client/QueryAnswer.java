package yizheng.client;

import java.util.List;
import java.util.Map;

/** The answer of one source, read from under the hub's signature. File {@link #raw} with the key set of its day. */
public final class QueryAnswer {
    private final Map<String, Object> claims;
    private final String receipt;
    private final byte[] raw;

    QueryAnswer(Map<String, Object> claims, String receipt, byte[] raw) {
        this.claims = claims;
        this.receipt = receipt;
        this.raw = raw;
    }

    /** satisfied, declared_none, no_source, source_unavailable, … New ones may be added. */
    public String outcome() {
        return (String) claims.get("outcome");
    }

    /** The records with the granted fields; empty unless satisfied. */
    @SuppressWarnings("unchecked")
    public List<Map<String, Object>> records() {
        return (List<Map<String, Object>>) claims.get("records");
    }

    /** Everything that is signed: source, grant, obtained_at, why, next_step, … */
    public Map<String, Object> claims() {
        return claims;
    }

    /** The hub's signed promise of a ledger entry. Keep it: a proof can be asked for at any time. */
    public String receipt() {
        return receipt;
    }

    /** The answer as it came. */
    public byte[] raw() {
        return raw.clone();
    }
}
