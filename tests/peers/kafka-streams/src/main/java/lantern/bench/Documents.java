package lantern.bench;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/** The latest state of each document; one that has none is removed. The topic is keyed by document. */
final class Documents {
    private static final String DOCUMENTS = "documents:documents";

    private Documents() {}

    /** A document is not parsed: what came is what readers see. */
    static void build(StreamsBuilder builder, String topic) {
        builder.table(topic, Materialized.<String, byte[], KeyValueStore<Bytes, byte[]>>as("documents"))
                .toStream()
                .process(Outbox.end((outbox, document) -> outbox.set(DOCUMENTS, document.key(), document.value())), Outbox.NAME);
    }
}
