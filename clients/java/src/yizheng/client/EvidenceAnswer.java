package yizheng.client;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The answer to a request for evidence; codes, parties, outcomes and claims are what the bundle signs. */
public final class EvidenceAnswer {
    private static final List<String> CLEARED = Arrays.asList("satisfied", "not_applicable", "declared_none");
    private final String id;
    private final List<Map<String, Object>> requirements;
    private final byte[] raw;

    EvidenceAnswer(String id, List<Map<String, Object>> requirements, byte[] raw) {
        this.id = id;
        this.requirements = requirements;
        this.raw = raw;
    }

    /** For {@code GET /api/v1/evidence-requests/{id}}. */
    public String evidenceRequestId() {
        return id;
    }

    /** Each with code, party, outcome, why, next_step, evidence?, further_evidence?, receipt. */
    public List<Map<String, Object>> requirements() {
        return requirements;
    }

    /** Codes of what has to be asked of the person. */
    public List<String> stillNeeded() {
        List<String> needed = new ArrayList<>();
        for (Map<String, Object> item : requirements) {
            if (!CLEARED.contains(item.get("outcome"))) {
                needed.add((String) item.get("code"));
            }
        }
        return needed;
    }

    /** The answer as it came. */
    public byte[] raw() {
        return raw.clone();
    }
}
