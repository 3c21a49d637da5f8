import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import yizheng.client.EvidenceAnswer;
import yizheng.client.Families;
import yizheng.client.Json;
import yizheng.client.YizhengClient;
import yizheng.client.YizhengException;

/** What the tests do with a stream, a question that is asked back, a shown code and a life event. */
public final class Newest {
    private final YizhengClient hub;
    private final Map<?, ?> given;

    private Newest(YizhengClient hub, Map<?, ?> given) {
        this.hub = hub;
        this.given = given;
    }

    public static void main(String[] arguments) throws Exception {
        Map<?, ?> given = (Map<?, ?>) Json.parse(Files.readAllBytes(Paths.get(arguments[1])));
        YizhengClient hub = new YizhengClient((String) given.get("url"), "intake", (String) given.get("kid"),
                Files.readAllBytes(Paths.get((String) given.get("key")))).issuer((String) given.get("issuer"))
                .timeoutMillis(((Long) given.get("timeout")).intValue())
                .attempts(((Long) given.get("attempts")).intValue());
        Newest newest = new Newest(hub, given);
        try {
            if (arguments[0].equals("stream")) {
                newest.stream();
            } else {
                newest.ask();
                newest.present();
                newest.live();
            }
        } catch (YizhengException error) {
            say("error", error.getMessage(), "kind", error.kind(), "reason", error.reason());
        }
    }

    private void stream() throws YizhengException {
        String caseNo = (String) hub.openCase(map("case")).get("case_no");
        List<Object> told = new ArrayList<>();
        EvidenceAnswer answer = hub.stream(caseNo, Json.object("purpose", given.get("purpose")),
                item -> told.add(item.get("code") + " " + item.get("outcome")));
        List<Object> signed = new ArrayList<>();
        for (Map<String, Object> item : answer.requirements()) {
            signed.add(item.get("code") + " " + item.get("outcome"));
        }
        boolean same = Json.write(signed).equals(Json.write(told));
        String again = new String(hub.fetchAgain(answer.evidenceRequestId()).raw(), StandardCharsets.UTF_8);
        say("told", told, "same", same, "needed", answer.stillNeeded(), "waiting", answer.waiting(),
                "again", again.equals(new String(answer.raw(), StandardCharsets.UTF_8)));
    }

    private void ask() throws YizhengException {
        Map<String, Object> opened = hub.openCase(map("asking"));
        String caseNo = (String) opened.get("case_no");
        Map<String, Object> request = Json.object("purpose", given.get("purpose"));
        Map<String, Object> asked = hub.evidence(caseNo, request).questions().get(0);
        Map<?, ?> question = (Map<?, ?>) asked.get("question");
        request.put("answers", Json.array(EvidenceAnswer.tell((String) question.get("resume_token"), map("facts"))));
        EvidenceAnswer answered = hub.evidence(caseNo, request);
        say("kind", question.get("kind"), "before", asked.get("outcome"),
                "after", answered.requirements().get(0).get("outcome"), "questions", answered.questions().size(),
                "found", caseNo.equals(hub.findCase((String) opened.get("external_no")).get("case_no")),
                "none", hub.findCase("no such number"), "state", hub.closeCase(caseNo).get("state"),
                "events", hub.caseEvents(caseNo, 0).get("events"));
    }

    private void present() throws YizhengException {
        say("parties", hub.openCase(map("presenting")).get("parties"));
    }

    private void live() throws YizhengException {
        Families families = hub.families();
        String no = (String) families.open(map("family")).get("family_no");
        say("before", ((List<?>) families.get(no).get("cases")).size(),
                "after", ((List<?>) families.answer(no, map("joining")).get("cases")).size());
        Map<?, ?> pulled = families.evidence(no, Json.object("purpose", given.get("purpose")));
        say("pulled", pulled, "form", families.form(no));
        say("cases", families.close(no, Json.object()).get("cases"));
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> map(String name) {
        return (Map<String, Object>) given.get(name);
    }

    private static void say(Object... namesAndValues) {
        System.out.println(Json.write(Json.object(namesAndValues)));
    }
}
