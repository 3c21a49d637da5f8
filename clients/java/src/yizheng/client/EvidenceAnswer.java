package yizheng.client;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The answer to a request for evidence; codes, parties, outcomes and claims are what the bundle signs. */
public final class EvidenceAnswer {
    private static final String OWED = "source_unavailable";
    private static final String WAITING = "pending";
    private static final List<String> NOT_ASKED =
            Arrays.asList("satisfied", "not_applicable", "declared_none", OWED, WAITING);
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

    /** Each with code, party, outcome, why, next_step, evidence?, further_evidence?, question?, receipt. */
    public List<Map<String, Object>> requirements() {
        return requirements;
    }

    /** Codes of what has to be asked of the person, each once; of which party, requirements() says. */
    public List<String> stillNeeded() {
        List<String> needed = new ArrayList<>();
        for (Map<String, Object> item : requirements) {
            if (!NOT_ASKED.contains(item.get("outcome")) && !needed.contains(item.get("code"))) {
                needed.add((String) item.get("code"));
            }
        }
        return needed;
    }

    /** Codes of what a department or the hub owes the case: it comes later, and is not asked of the person. */
    public List<String> owed() {
        return with(OWED);
    }

    /** Codes of what an officer was asked, and has promised an answer to: accept without, and ask again later. */
    public List<String> waiting() {
        return with(WAITING);
    }

    /**
     * The requirements that a word of yours would clear: each has a "question" with its resume_token, and choices or
     * facts. Say it with {@link #choose} or {@link #tell}, among the answers of the next request.
     */
    public List<Map<String, Object>> questions() {
        List<Map<String, Object>> asked = new ArrayList<>();
        for (Map<String, Object> item : requirements) {
            if (item.get("question") instanceof Map) {
                asked.add(item);
            }
        }
        return asked;
    }

    /** One of the choices of a question; null takes back what was chosen. */
    public static Map<String, Object> choose(String resumeToken, String choice) {
        return Json.object("resume_token", resumeToken, "choice", choice);
    }

    /** The facts that a question names, by code. */
    public static Map<String, Object> tell(String resumeToken, Map<String, Object> facts) {
        return Json.object("resume_token", resumeToken, "facts", facts);
    }

    /** The answer as it came. */
    public byte[] raw() {
        return raw.clone();
    }

    private List<String> with(String outcome) {
        List<String> found = new ArrayList<>();
        for (Map<String, Object> item : requirements) {
            if (outcome.equals(item.get("outcome"))) {
                found.add((String) item.get("code"));
            }
        }
        return found;
    }
}
