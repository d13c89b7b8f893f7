package lantern.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * The state of an account.
 *
 * @param owner whose it is; empty before it is opened
 * @param balance in cents
 * @param events how many events were applied to it
 */
record Account(String owner, long balance, long events) {
    /** Nothing has happened to it. */
    static final Account NONE = new Account("", 0, 0);

    /** How a table of Kafka Streams holds it: a table reads and writes it for every event, so not as JSON. */
    static final Serde<Account> SERDE = Serdes.serdeFrom((topic, account) -> account.encode(), (topic, bytes) -> decode(bytes));

    private static final ObjectWriter JSON = new ObjectMapper().writerFor(Document.class);

    /** What readers see. */
    private record Document(String account, String owner, long balance, long events) {}

    /** The account after an event. */
    Account after(BankEvent event) {
        return switch (event.kind()) {
            case OPENED -> new Account(event.owner(), balance, events + 1);
            case DEPOSITED -> new Account(owner, balance + event.amount(), events + 1);
            case WITHDRAWN -> new Account(owner, balance - event.amount(), events + 1);
            case OTHER -> this;
        };
    }

    /** The document of the view. */
    byte[] document(String id) {
        try {
            return JSON.writeValueAsBytes(new Document(id, owner, balance, events));
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private byte[] encode() {
        var name = owner.getBytes(UTF_8);
        return ByteBuffer.allocate(2 * Long.BYTES + name.length).putLong(balance).putLong(events).put(name).array();
    }

    private static Account decode(byte[] bytes) {
        var buffer = ByteBuffer.wrap(bytes);
        var balance = buffer.getLong();
        var events = buffer.getLong();
        return new Account(new String(bytes, buffer.position(), buffer.remaining(), UTF_8), balance, events);
    }
}
