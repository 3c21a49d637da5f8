package yizheng.client;

import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Verifies answers offline: the bytes and the key set are enough. (1) Signature and type; (2) issuer, receiver and
 * request, where the caller says them and not null; (3) what stands in clear is what is signed; (4) the receipt is of
 * the same entry. Not checked: that the entry is in the log, and that a purpose copy is still in force.
 */
public final class Verifier {
    private static final List<String> OF_THE_SIGNATURE =
            Arrays.asList("iss", "aud", "iat", "jti", "entry", "request_hash");
    /** What a disclosure may not be called: it would stand in for what the signer said. */
    private static final List<String> NEVER_DISCLOSED = Arrays.asList(
            "iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "status", "_sd", "_sd_alg", "...");

    /** What a copy is of, by its vct: only the first is of a licence. */
    private static final Map<String, String[]> KINDS = kinds();

    private Verifier() {}

    private static Map<String, String[]> kinds() {
        Map<String, String[]> kinds = new LinkedHashMap<>();
        kinds.put("urn:yizheng:purpose-copy", new String[] {"purpose_copy", "certificate"});
        kinds.put("urn:yizheng:data-copy", new String[] {"data_copy", "interface"});
        kinds.put("urn:yizheng:stand-in-copy", new String[] {"stand_in_copy", "stand_in"});
        return kinds;
    }

    /** What an answer binds itself to: the method, the path and the exact body, each followed by a line feed. */
    public static String requestHash(String path, byte[] body) {
        return Jws.sha256(("POST\n" + path + "\n").getBytes(StandardCharsets.UTF_8), body, new byte[] {'\n'});
    }

    /** A query's answer that the hub signed. */
    public static QueryAnswer query(
            byte[] raw, Map<String, PublicKey> keys, String issuer, String audience, String requestHash)
            throws YizhengException {
        return query(raw, keys, issuer, audience, requestHash, Long.MIN_VALUE);
    }

    /** The same, signed at {@code issuedFrom} at the earliest, in seconds since 1970. */
    public static QueryAnswer query(
            byte[] raw, Map<String, PublicKey> keys, String issuer, String audience, String requestHash, long issuedFrom)
            throws YizhengException {
        Map<String, Object> body = object(read(raw));
        // Answers to sandbox credentials are of a type of their own, and pass for nobody else.
        boolean sandbox = audience != null && audience.startsWith("yz_test_");
        String type = sandbox ? "sandbox-query-answer+jwt" : "query-answer+jwt";
        Map<String, Object> claims = Jws.verify(text(body, "answer"), type, keys);
        expect(claims, issuer, audience, requestHash);
        notBefore(claims, issuedFrom);
        same(body.get("query_id"), claims.get("jti"), "body_differs");
        for (Map.Entry<String, Object> claim : claims.entrySet()) {
            if (!OF_THE_SIGNATURE.contains(claim.getKey())) {
                same(body.get(claim.getKey()), claim.getValue(), "body_differs");
            }
        }
        for (Object record : list(claims.get("records"))) {
            object(record);
        }
        text(claims, "outcome");
        receipt(body, claims, keys, claims.get("entry"));
        return new QueryAnswer(Collections.unmodifiableMap(claims), text(body, "receipt"), raw.clone());
    }

    /** An answer to a request for evidence. */
    public static EvidenceAnswer evidence(
            byte[] raw, Map<String, PublicKey> keys, String issuer, String audience, String requestHash)
            throws YizhengException {
        return evidence(raw, keys, issuer, audience, requestHash, Long.MIN_VALUE);
    }

    /** The same, signed at {@code issuedFrom} at the earliest, in seconds since 1970. */
    public static EvidenceAnswer evidence(
            byte[] raw, Map<String, PublicKey> keys, String issuer, String audience, String requestHash, long issuedFrom)
            throws YizhengException {
        Map<String, Object> body = object(read(raw));
        Map<String, Object> claims = Jws.verify(text(body, "bundle"), "evidence-bundle+jwt", keys);
        expect(claims, issuer, audience, requestHash);
        notBefore(claims, issuedFrom);
        same(body.get("evidence_request_id"), claims.get("jti"), "body_differs");
        same(body.get("case_no"), claims.get("case_no"), "body_differs");
        List<Object> shown = list(body.get("requirements"));
        List<Object> signed = list(claims.get("requirements"));
        same(shown.size(), signed.size(), "body_differs");
        List<Map<String, Object>> requirements = new ArrayList<>();
        for (int i = 0; i < shown.size(); i++) {
            Map<String, Object> item = object(shown.get(i));
            Map<String, Object> under = object(signed.get(i));
            for (String name : Arrays.asList("code", "party", "outcome")) {
                same(item.get(name), under.get(name), "body_differs");
            }
            if (under.containsKey("rung")) { // earlier hubs signed none
                same(item.get("rung"), under.get("rung"), "body_differs");
            }
            copies(item, under.get("tokens"), claims, keys);
            receipt(item, claims, keys, under.get("entry"));
            requirements.add(item);
        }
        return new EvidenceAnswer(text(claims, "jti"), requirements, raw.clone());
    }

    /**
     * The bundle signs the hash of each copy, and nothing stands beside those; each copy is the hub's, for the same
     * receiver, and the claims in clear are what it discloses. What it is of is given as it is signed, and as "kind":
     * purpose_copy of a licence ("certificate"), data_copy of what a department's system said ("interface"),
     * stand_in_copy of what stands in for a record ("stand_in"). Nothing passes for another kind.
     */
    private static void copies(
            Map<String, Object> item, Object hashes, Map<String, Object> bundle, Map<String, PublicKey> keys)
            throws YizhengException {
        List<Object> copies = new ArrayList<>();
        if (item.containsKey("evidence")) {
            copies.add(item.get("evidence"));
        }
        if (item.containsKey("further_evidence")) {
            copies.addAll(list(item.get("further_evidence")));
        }
        List<Object> found = new ArrayList<>();
        for (Object copy : copies) {
            found.add(Jws.sha256(text(object(copy), "token").getBytes(StandardCharsets.UTF_8)));
        }
        same(found, hashes, "copies_differ");
        for (Object copy : copies) {
            String[] parts = text(object(copy), "token").split("~", -1);
            Map<String, Object> signed = Jws.verify(parts[0], "dc+sd-jwt", keys);
            expect(signed, text(bundle, "iss"), text(bundle, "aud"), null);
            same(object(copy).get("claims"), disclosed(parts, signed), "claims_differ");
            String[] kind = KINDS.get(signed.get("vct"));
            if (kind == null) {
                throw YizhengException.verification("vct");
            }
            for (String[] other : KINDS.values()) {
                object(copy).remove(other[1]);
            }
            object(copy).put("kind", kind[0]);
            object(copy).put(kind[1], signed.get(kind[1]));
        }
    }

    /** The disclosed claims of an SD-JWT (RFC 9901) whose claims are all at the top. */
    private static Map<String, Object> disclosed(String[] parts, Map<String, Object> signed) throws YizhengException {
        List<Object> digests = list(signed.get("_sd"));
        Object algorithm = signed.get("_sd_alg");
        if (parts.length < 2 || !parts[parts.length - 1].isEmpty() || algorithm != null && !"sha-256".equals(algorithm)) {
            throw YizhengException.verification("disclosures");
        }
        Map<String, Object> found = new LinkedHashMap<>();
        for (String part : Arrays.copyOfRange(parts, 1, parts.length - 1)) {
            List<Object> disclosure = list(read(Jws.decode(part)));
            Object name = disclosure.size() == 3 ? disclosure.get(1) : null;
            boolean known = name instanceof String && digests.contains(Jws.digest(part));
            if (!known || NEVER_DISCLOSED.contains(name) || signed.containsKey(name) || found.containsKey(name)) {
                throw YizhengException.verification("disclosures");
            }
            found.put((String) name, disclosure.get(2));
        }
        return found;
    }

    private static void receipt(
            Map<String, Object> shown, Map<String, Object> claims, Map<String, PublicKey> keys, Object entry)
            throws YizhengException {
        Map<String, Object> receipt = Jws.verify(text(shown, "receipt"), "ledger-receipt+jwt", keys);
        same(receipt.get("entry"), entry, "receipt_of_another");
        same(receipt.get("iss"), claims.get("iss"), "issuer");
    }

    private static void expect(Map<String, Object> claims, String issuer, String audience, String requestHash)
            throws YizhengException {
        same(claims.get("iss"), issuer == null ? claims.get("iss") : issuer, "issuer");
        same(claims.get("aud"), audience == null ? claims.get("aud") : audience, "audience");
        same(claims.get("request_hash"), requestHash == null ? claims.get("request_hash") : requestHash, "request_differs");
    }

    private static void notBefore(Map<String, Object> claims, long issuedFrom) throws YizhengException {
        Object issued = claims.get("iat");
        if (!(issued instanceof Long) || (Long) issued < issuedFrom) {
            throw YizhengException.verification(issued instanceof Long ? "older_than_the_request" : "no_iat");
        }
    }

    private static void same(Object one, Object other, String reason) throws YizhengException {
        if (!Objects.equals(one, other)) {
            throw YizhengException.verification(reason);
        }
    }

    private static Object read(byte[] data) throws YizhengException {
        try {
            return Json.parse(data);
        } catch (IllegalArgumentException error) {
            throw YizhengException.verification("json");
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) throws YizhengException {
        if (value instanceof Map) {
            return (Map<String, Object>) value;
        }
        throw YizhengException.verification("not_an_answer");
    }

    @SuppressWarnings("unchecked")
    private static List<Object> list(Object value) throws YizhengException {
        if (value instanceof List) {
            return (List<Object>) value;
        }
        throw YizhengException.verification("not_an_answer");
    }

    private static String text(Map<String, Object> given, String name) throws YizhengException {
        if (given.get(name) instanceof String) {
            return (String) given.get(name);
        }
        throw YizhengException.verification("no_" + name);
    }
}
