package yizheng.client;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * An answer that comes requirement by requirement, as server-sent events (WHATWG HTML §9.2), over as many connections
 * as it takes. Remembers which request it is and which event was the last, so that the next connection goes on there.
 */
final class Events {
    static final String TYPE = "text/event-stream";
    private final Consumer<Map<String, Object>> told;
    private final Set<String> seen = new HashSet<>();
    private String requestId;
    private String last;
    private boolean further;

    Events(Consumer<Map<String, Object>> told) {
        this.told = told;
    }

    /** Which request to go on with; null: there is none to go on with. */
    String requestId() {
        return requestId;
    }

    /** What to send with every request of this stream. */
    Map<String, String> headers() {
        Map<String, String> headers = new HashMap<>();
        headers.put("Accept", TYPE);
        if (requestId != null && last != null) {
            headers.put("Last-Event-ID", last);
        }
        return headers;
    }

    /** The hub refused: the question is put again under its own key. */
    void refused() {
        requestId = null;
    }

    /** Whether more was settled since this was asked. */
    boolean further() {
        boolean was = further;
        further = false;
        return was;
    }

    /** The whole answer at the end. Signs of life alone do not make it last longer than {@code millis}. */
    byte[] read(InputStream from, int millis) throws IOException, YizhengException {
        Lines lines = new Lines(new BufferedInputStream(from), millis);
        while (true) {
            String name = "";
            String id = null;
            byte[] data = new byte[0];
            for (byte[] line = lines.next(); line.length > 0; line = lines.next()) {
                String text = new String(line, StandardCharsets.UTF_8);
                if (text.startsWith("event: ")) {
                    name = text.substring(7);
                } else if (text.startsWith("id: ")) {
                    id = text.substring(4);
                } else if (text.startsWith("data: ")) {
                    data = Arrays.copyOfRange(line, 6, line.length);
                }
            }
            if (name.equals("end")) {
                return data;
            }
            if (!name.isEmpty()) {
                lines.more();
                take(name, id, data);
            }
        }
    }

    private void take(String name, String id, byte[] data) throws YizhengException {
        Map<String, Object> shown = Session.read(data);
        if (name.equals("request") && shown.get("evidence_request_id") instanceof String) {
            requestId = (String) shown.get("evidence_request_id");
        } else if (name.equals("problem")) {
            Object status = shown.get("status");
            throw ProblemException.of(status instanceof Long ? ((Long) status).intValue() : 0, shown);
        } else if (name.equals("item") && id != null) {
            last = id;
            if (seen.add(id)) {
                further = true;
                told.accept(shown);
            }
        }
    }

    private static final class Lines {
        private final InputStream in;
        private final long nanos;
        private long until;
        private long left = Http.MAX_ANSWER_BYTES;

        Lines(InputStream in, int millis) {
            this.in = in;
            this.nanos = millis * 1_000_000L;
            more();
        }

        void more() {
            until = System.nanoTime() + nanos;
        }

        /** One line without its end. A line that was cut off is none. */
        byte[] next() throws IOException {
            ByteArrayOutputStream found = new ByteArrayOutputStream();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new EOFException();
                }
                if (--left < 0) {
                    throw new IOException("too large");
                }
                found.write(c);
            }
            if (System.nanoTime() - until > 0) {
                throw new IOException("too slow");
            }
            return found.toByteArray();
        }
    }
}
