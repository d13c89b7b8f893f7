package lantern.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.streams.StreamsBuilder;

/**
 * How often each page was viewed, and how many pages in each hour of event time.
 *
 * <p>Redis adds what each task has counted since its last commit. Tables by page and by hour would send every event through
 * two topics more.
 */
final class Counters {
    private static final String PAGES = "counters:pages";
    private static final String HOURS = "counters:hours";
    private static final long HOUR_MS = 3_600_000;

    private static final JsonFactory JSON = new JsonFactory();

    private Counters() {}

    static void build(StreamsBuilder builder, String topic) {
        builder.<String, byte[]>stream(topic).process(
                Outbox.end((outbox, view) -> {
                    outbox.add(PAGES, page(view.value()), 1);
                    outbox.add(HOURS, Long.toString(view.timestamp() / HOUR_MS), 1);
                }),
                Outbox.NAME);
    }

    /** The page that an event names; the rest of the event is not read. */
    private static String page(byte[] payload) {
        try (var parser = JSON.createParser(payload)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                var field = parser.currentName();
                parser.nextToken();
                if (field.equals("page")) {
                    return parser.getText();
                }
                parser.skipChildren();
            }
        } catch (IOException malformed) {
            throw new UncheckedIOException(malformed);
        }
        throw new IllegalArgumentException("an event names no page");
    }
}
