package lantern.bench;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/** The job of the plugin `balances`: a document of each account, and totals. The topic is keyed by account. */
final class Balances {
    private static final String ACCOUNTS = "balances:accounts";
    private static final String TOTALS = "balances:totals";

    private Balances() {}

    static void build(StreamsBuilder builder, String topic) {
        KStream<String, BankEvent> events = builder.<String, byte[]>stream(topic).mapValues(BankEvent::parse);
        events.filter((id, event) -> event.kind() != BankEvent.Kind.OTHER)
                .groupByKey()
                .aggregate(
                        () -> Account.NONE,
                        (id, event, account) -> account.after(event),
                        Materialized.<String, Account, KeyValueStore<Bytes, byte[]>>as("accounts").withValueSerde(Account.SERDE))
                .toStream()
                .process(Outbox.end((outbox, account) -> outbox.set(ACCOUNTS, account.key(), account.value().document(account.key()))), Outbox.NAME);
        // Sums of all partitions: a table of them would send every event through another topic, while Redis can add.
        events.process(Outbox.end((outbox, event) -> count(outbox, event.value())), Outbox.NAME);
    }

    private static void count(Outbox outbox, BankEvent event) {
        switch (event.kind()) {
            case OPENED -> outbox.add(TOTALS, "accounts", 1);
            case DEPOSITED -> outbox.add(TOTALS, "deposited", event.amount());
            case WITHDRAWN -> outbox.add(TOTALS, "withdrawn", event.amount());
            case OTHER -> {
                outbox.add(TOTALS, "ignored", 1);
                return;
            }
        }
        outbox.add(TOTALS, "events", 1);
    }
}
