package yizheng.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLSocketFactory;

/** One exchange with the hub, by what Java 8 has. Repeats nothing, follows no redirect, and ends. */
final class Http {
    static final String JSON = "application/json";
    static final String FORM = "application/x-www-form-urlencoded";
    static final int MAX_ANSWER_BYTES = 16 * 1024 * 1024;
    private static final List<Integer> BETWEEN = Arrays.asList(502, 503, 504);
    final String baseUrl;
    String language = "zh-CN";
    int timeoutMillis = 30_000;
    SSLSocketFactory tls;

    Http(String baseUrl) throws YizhengException {
        URI uri = URI.create(baseUrl);
        boolean local = Arrays.asList("127.0.0.1", "localhost", "[::1]").contains(uri.getHost());
        if (uri.getHost() == null || !("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()) && local)) {
            throw new YizhengException("configuration", "baseUrl is https://host; plain http on this machine only");
        }
        this.baseUrl = baseUrl.replaceAll("/+$", "");
    }

    /** What came back, whole. */
    static final class Reply {
        final int status;
        final String type;
        final byte[] body;

        Reply(int status, String type, byte[] body) {
            this.status = status;
            this.type = type == null ? "" : type;
            this.body = body;
        }

        /** What an answer says that is none. */
        YizhengException error(boolean signedIn) {
            if (status == 401 && body.length == 0) { // Java gives no body of a 401 to what it does not repeat
                String slug = signedIn ? "invalid-token" : "invalid-client";
                return ProblemException.of(401, Json.object("type", "/problems/" + slug, "who_must_act", "caller"));
            }
            if (type.startsWith("application/problem+json")) {
                try {
                    return ProblemException.of(status, Session.read(body));
                } catch (YizhengException error) {
                    return error;
                }
            }
            boolean between = BETWEEN.contains(status); // a proxy speaks: the network failed
            return new YizhengException("network", between ? "gateway" : "not_the_hub");
        }
    }

    /** {@code body} and {@code events} may be null; the events of an answer that is a stream are told as they come. */
    Reply send(String method, String path, byte[] body, Map<String, String> headers, Events events)
            throws IOException, YizhengException {
        HttpURLConnection connection = open(method, path, headers);
        if (body != null) {
            connection.setDoOutput(true);
            connection.setFixedLengthStreamingMode(body.length); // else Java repeats a POST by itself, and tells nobody
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
        }
        int status = connection.getResponseCode();
        String type = connection.getContentType();
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            try {
                boolean streamed = events != null && status == 200 && type != null && type.startsWith(Events.TYPE);
                return new Reply(status, type, streamed ? events.read(in, timeoutMillis) : content(in));
            } catch (IOException | YizhengException | RuntimeException error) {
                connection.disconnect(); // closing alone would read on
                throw error;
            }
        }
    }

    private HttpURLConnection open(String method, String path, Map<String, String> headers) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(baseUrl + path).openConnection();
        if (tls != null && connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls);
        }
        connection.setRequestMethod(method);
        connection.setConnectTimeout(Math.min(5_000, timeoutMillis));
        connection.setReadTimeout(timeoutMillis);
        connection.setInstanceFollowRedirects(false); // a redirect would carry token and body elsewhere
        connection.setUseCaches(false);
        connection.setRequestProperty("Accept", JSON);
        connection.setRequestProperty("Accept-Language", language);
        headers.forEach(connection::setRequestProperty);
        return connection;
    }

    /** A limit per read does not end an answer that drips, nor one that never ends. */
    private byte[] content(InputStream in) throws IOException {
        long until = System.nanoTime() + timeoutMillis * 1_000_000L;
        ByteArrayOutputStream found = new ByteArrayOutputStream();
        byte[] part = new byte[16_384];
        for (int read = in == null ? -1 : in.read(part); read >= 0; read = in.read(part)) {
            found.write(part, 0, read);
            if (found.size() > MAX_ANSWER_BYTES || System.nanoTime() - until > 0) {
                throw new IOException("too large or too slow");
            }
        }
        return found.toByteArray();
    }
}
