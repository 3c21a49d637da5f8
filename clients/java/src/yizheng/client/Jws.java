package yizheng.client;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** Compact JWS under ES256: signing with the system's key, and verifying with the hub's key set. Nothing else. */
public final class Jws {
    private static final BigInteger ORDER =
            new BigInteger("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);

    private Jws() {}

    /** Reads a P-256 private key: PKCS#8, PEM, no password. */
    static PrivateKey readKey(byte[] pem) throws YizhengException {
        try {
            String text = new String(pem, StandardCharsets.US_ASCII).replaceAll("-----(BEGIN|END) PRIVATE KEY-----", "");
            PrivateKey key = KeyFactory.getInstance("EC")
                    .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(text)));
            if (((ECPrivateKey) key).getParams().getOrder().equals(ORDER)) {
                return key;
            }
        } catch (GeneralSecurityException | IllegalArgumentException error) {
            // Said below: the text of these errors may hold what was given.
        }
        throw new YizhengException("configuration", "the private key must be P-256 in PKCS#8 PEM, without a password");
    }

    /** The claims as a compact JWS. */
    static String sign(Map<String, Object> claims, String typ, String kid, PrivateKey key) throws YizhengException {
        String signed = encode(Json.write(Json.object("alg", "ES256", "kid", kid, "typ", typ)).getBytes(StandardCharsets.UTF_8))
                + "." + encode(Json.write(claims).getBytes(StandardCharsets.UTF_8));
        try {
            Signature signer = Signature.getInstance("SHA256withECDSA");
            signer.initSign(key);
            signer.update(signed.getBytes(StandardCharsets.US_ASCII));
            return signed + "." + encode(fromDer(signer.sign()));
        } catch (GeneralSecurityException error) {
            throw new YizhengException("configuration", "this Java cannot sign with ES256");
        }
    }

    /** The hub's keys by {@code kid}, out of a JWK set; keys of other kinds are passed over. */
    public static Map<String, PublicKey> readKeySet(byte[] jwks) throws YizhengException {
        Map<String, PublicKey> found = new HashMap<>();
        try {
            AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
            curve.init(new ECGenParameterSpec("secp256r1"));
            ECParameterSpec parameters = curve.getParameterSpec(ECParameterSpec.class);
            for (Object item : (Iterable<?>) ((Map<?, ?>) Json.parse(jwks)).get("keys")) {
                Map<?, ?> key = (Map<?, ?>) item;
                if (usable(key)) {
                    ECPoint point = new ECPoint(number(key.get("x")), number(key.get("y")));
                    found.put((String) key.get("kid"),
                            KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(point, parameters)));
                }
            }
        } catch (GeneralSecurityException | IllegalArgumentException | ClassCastException | NullPointerException error) {
            throw YizhengException.verification("not_a_key_set");
        }
        return found;
    }

    private static boolean usable(Map<?, ?> key) {
        return "EC".equals(key.get("kty")) && "P-256".equals(key.get("crv")) && key.get("kid") instanceof String
                && (!key.containsKey("alg") || "ES256".equals(key.get("alg")))
                && (!key.containsKey("use") || "sig".equals(key.get("use")));
    }

    /** The claims of a JWS of this type that one of these keys signed. Whom they are for is not checked here. */
    @SuppressWarnings("unchecked")
    public static Map<String, Object> verify(String token, String typ, Map<String, PublicKey> keys) throws YizhengException {
        String[] parts = token.split("\\.", -1);
        if (parts.length != 3) {
            throw YizhengException.verification("not_a_jws");
        }
        try {
            Map<String, Object> header = (Map<String, Object>) Json.parse(decode(parts[0]));
            if (!"ES256".equals(header.get("alg")) || header.containsKey("crit") || header.containsKey("b64")) {
                throw YizhengException.verification("algorithm");
            }
            if (!typ.equals(header.get("typ"))) {
                throw YizhengException.verification("token_type");
            }
            PublicKey key = keys.get(header.get("kid"));
            if (key == null) {
                throw YizhengException.verification("unknown_key");
            }
            Signature verifier = Signature.getInstance("SHA256withECDSA");
            verifier.initVerify(key);
            verifier.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
            if (!verifier.verify(toDer(decode(parts[2])))) {
                throw YizhengException.verification("signature");
            }
            return (Map<String, Object>) Json.parse(decode(parts[1]));
        } catch (GeneralSecurityException error) {
            throw YizhengException.verification("signature");
        } catch (IllegalArgumentException | ClassCastException error) {
            throw YizhengException.verification("json");
        }
    }

    /** SHA-256 in hexadecimal. */
    static String sha256(byte[]... parts) {
        return String.format("%064x", new BigInteger(1, hash(parts)));
    }

    private static byte[] hash(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest.digest();
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException("every Java has SHA-256");
        }
    }

    /** SHA-256 of a text in base64url: what SD-JWT knows a disclosure by. */
    static String digest(String text) {
        return encode(hash(text.getBytes(StandardCharsets.US_ASCII)));
    }

    static String encode(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    /** Base64url; one text per value, so that one signature has one spelling. */
    static byte[] decode(String text) throws YizhengException {
        try {
            byte[] data = Base64.getUrlDecoder().decode(text);
            if (encode(data).equals(text)) {
                return data;
            }
        } catch (IllegalArgumentException error) {
            // Said below.
        }
        throw YizhengException.verification("base64url");
    }

    private static BigInteger number(Object value) throws YizhengException {
        return new BigInteger(1, decode((String) value));
    }

    /** 32 bytes of r and of s out of what Java signs in, SEQUENCE { INTEGER r, INTEGER s }. */
    private static byte[] fromDer(byte[] der) {
        int first = 3 + 1;
        byte[] r = Arrays.copyOfRange(der, first, first + der[3]);
        int second = first + der[3] + 2;
        byte[] s = Arrays.copyOfRange(der, second, second + der[second - 1]);
        byte[] raw = new byte[64];
        put(new BigInteger(r), raw, 0);
        put(new BigInteger(s), raw, 32);
        return raw;
    }

    private static void put(BigInteger value, byte[] raw, int at) {
        byte[] bytes = value.toByteArray();
        int length = Math.min(bytes.length, 32);
        System.arraycopy(bytes, bytes.length - length, raw, at + 32 - length, length);
    }

    private static byte[] toDer(byte[] raw) throws YizhengException {
        if (raw.length != 64) {
            throw YizhengException.verification("signature");
        }
        BigInteger r = new BigInteger(1, Arrays.copyOfRange(raw, 0, 32));
        BigInteger s = new BigInteger(1, Arrays.copyOfRange(raw, 32, 64));
        // Some versions of Java took r = s = 0 for everybody's signature of everything (CVE-2022-21449).
        if (r.signum() == 0 || s.signum() == 0 || r.compareTo(ORDER) >= 0 || s.compareTo(ORDER) >= 0) {
            throw YizhengException.verification("signature");
        }
        byte[] first = r.toByteArray();
        byte[] second = s.toByteArray();
        byte[] der = new byte[6 + first.length + second.length];
        der[0] = 0x30;
        der[1] = (byte) (4 + first.length + second.length);
        der[2] = 2;
        der[3] = (byte) first.length;
        System.arraycopy(first, 0, der, 4, first.length);
        der[4 + first.length] = 2;
        der[5 + first.length] = (byte) second.length;
        System.arraycopy(second, 0, der, 6 + first.length, second.length);
        return der;
    }
}
