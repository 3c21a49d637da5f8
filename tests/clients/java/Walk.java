import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.PublicKey;
import java.util.Map;
import java.util.stream.Stream;
import yizheng.client.EvidenceAnswer;
import yizheng.client.Json;
import yizheng.client.Jws;
import yizheng.client.ProblemException;
import yizheng.client.QueryAnswer;
import yizheng.client.Verifier;
import yizheng.client.YizhengClient;
import yizheng.client.YizhengException;

/** What the tests do with the Java client; one JSON document a line on standard output. */
public final class Walk {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("verify")) {
            verify(Paths.get(arguments[1]));
            return;
        }
        Map<?, ?> given = (Map<?, ?>) Json.parse(Files.readAllBytes(Paths.get(arguments[1])));
        YizhengClient hub = new YizhengClient((String) given.get("url"), "intake", (String) given.get("kid"),
                Files.readAllBytes(Paths.get((String) given.get("key")))).issuer((String) given.get("issuer"))
                .timeoutMillis(((Long) given.get("timeout")).intValue())
                .attempts(((Long) given.get("attempts")).intValue());
        try {
            walk(hub, given);
        } catch (YizhengException error) {
            say("error", error.getMessage(), "kind", error.kind(), "reason", error.reason());
        }
    }

    @SuppressWarnings("unchecked")
    private static void walk(YizhengClient hub, Map<?, ?> given) throws YizhengException {
        String code = (String) given.get("interface");
        Map<String, Object> opened = hub.openCase((Map<String, Object>) given.get("case"));
        String caseNo = (String) opened.get("case_no");
        Map<String, Object> question = Json.object("case_no", caseNo, "purpose", given.get("purpose"));
        QueryAnswer answer = hub.query(code, question);
        say("outcome", answer.outcome(), "records", answer.records(), "receipt", answer.receipt(), "case_no", caseNo);
        EvidenceAnswer evidence = hub.evidence(caseNo, Json.object("purpose", given.get("purpose")));
        Map<?, ?> copy = (Map<?, ?>) evidence.requirements().get(0).get("evidence");
        say("still_needed", evidence.stillNeeded(), "claims", copy.get("claims"),
                "verdict", hub.verify((String) copy.get("token"), "intake").get("result"));
        try {
            question.put("fields", Json.array("shareholder"));
            hub.query(code, question);
        } catch (ProblemException refused) {
            say("problem", refused.slug(), "status", refused.status(), "message", refused.getMessage(),
                    "who", refused.whoMustAct(), "retryable", refused.retryable());
        }
        say("state", hub.closeCase(caseNo).get("state"));
    }

    /** Verifies every `*.query` and `*.evidence` of a folder with its jwks.json, and says why each is refused. */
    private static void verify(Path folder) throws Exception {
        Map<String, PublicKey> keys = Jws.readKeySet(Files.readAllBytes(folder.resolve("jwks.json")));
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                String name = file.getFileName().toString();
                byte[] raw = Files.readAllBytes(file);
                long from = name.startsWith("late.") ? System.currentTimeMillis() / 1000 + 3600 : 0;
                try {
                    Object certificate = null;
                    if (name.endsWith(".query")) {
                        Verifier.query(raw, keys, null, "intake", null, from);
                    } else if (name.endsWith(".evidence")) {
                        EvidenceAnswer answer = Verifier.evidence(raw, keys, null, "intake", null, from);
                        certificate = ((Map<?, ?>) answer.requirements().get(0).get("evidence")).get("certificate");
                    } else {
                        continue;
                    }
                    say("file", name, "reason", "", "certificate", certificate);
                } catch (YizhengException error) {
                    say("file", name, "reason", error.reason());
                }
            }
        }
    }

    private static void say(Object... namesAndValues) {
        System.out.println(Json.write(Json.object(namesAndValues)));
    }
}
