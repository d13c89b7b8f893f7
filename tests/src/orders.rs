//! The orders of the `orders` plugin: events for its two co-partitioned topics, generated from a seed, and an independent
//! fold of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::Event;
use crate::random::Random;
use crate::redis_server::RedisServer;
use crate::view;

/// What happened in the shop.
#[derive(Debug, Default)]
pub struct Shop {
    /// For the topic `order-events`; half of the placements in version 1, half in version 2.
    pub orders: Vec<Event>,
    /// For the topic `payment-events`.
    pub payments: Vec<Event>,
}

impl Shop {
    /// So many orders, some of them paid in part, cancelled, shipped or paid back.
    pub fn generate(seed: u64, orders: u64, partitions: u32) -> Shop {
        let mut random = Random::new(seed);
        let mut shop = Shop::default();
        for n in 0..orders {
            let id = format!("o-{n}");
            let lines: Vec<(u64, u64)> =
                (0..=random.below(3)).map(|_| (1 + random.below(5), 1 + random.below(20_000))).collect();
            let total: u64 = lines.iter().map(|(quantity, cents)| quantity * cents).sum();
            let events = &mut shop.orders;
            let mut happens = |event: Value| events.push(Event::keyed(&id, partitions, event.to_string()));
            happens(placed(&id, n, &lines, total));
            match random.below(10) {
                0 => happens(json!({ "type": "OrderCancelled", "order": id })),
                1..4 => happens(json!({ "type": "OrderShipped", "order": id })),
                4 => happens(json!({ "type": "OrderPraised", "order": id, "stars": 5 })),
                _ => {}
            }
            let payments: &[(&str, u64)] = match random.below(5) {
                0 => &[],
                1 => &[("PaymentReceived", total / 2)],
                2 => &[("PaymentReceived", total / 2), ("PaymentReceived", total - total / 2)],
                3 => &[("PaymentReceived", total), ("PaymentRefunded", total / 3)],
                _ => &[("PaymentReceived", total)],
            };
            for (kind, cents) in payments {
                let event = json!({ "type": kind, "order": id, "amount_cents": cents });
                shop.payments.push(Event::keyed(&id, partitions, event.to_string()));
            }
        }
        shop
    }

    /// Passes if `orders:orders` holds what these events say, in whatever order the two topics met.
    pub fn orders_hold(&self, redis: &RedisServer) -> Result<(), String> {
        let seen = redis.hash("orders:orders").into_iter();
        let seen = seen.map(|(id, text)| (id, serde_json::from_str(&text).expect("an order is JSON"))).collect();
        view::same("orders:orders", &self.fold(), &seen)
    }

    fn fold(&self) -> BTreeMap<String, Value> {
        let mut orders: BTreeMap<String, Value> = BTreeMap::new();
        for event in self.orders.iter().chain(&self.payments) {
            let event = event.json().expect("the shop's events are JSON");
            let id = event["order"].as_str().expect("every event of the shop names its order");
            let unknown = json!({
                "order": id, "customer": null, "lines": [], "total_cents": null, "paid_cents": 0, "status": "pending",
            });
            let order = orders.entry(id.to_owned()).or_insert(unknown);
            let paid = order["paid_cents"].as_i64().expect("it is a number from the start");
            match event["type"].as_str().expect("every event of the shop has a type") {
                "OrderPlaced" => {
                    order["customer"] = event["customer"].clone();
                    order["lines"] = event["lines"].clone();
                    order["total_cents"] = match event["version"].as_i64() {
                        Some(1) => json!(cents(event["total"].as_str().expect("version 1 has a text"))),
                        _ => event["total_cents"].clone(),
                    };
                }
                "OrderCancelled" => order["status"] = json!("cancelled"),
                "OrderShipped" => order["status"] = json!("shipped"),
                "PaymentReceived" => order["paid_cents"] = json!(paid + amount(&event)),
                "PaymentRefunded" => order["paid_cents"] = json!(paid - amount(&event)),
                _ => {}
            }
        }
        for order in orders.values_mut().filter(|order| order["status"] == "pending") {
            if let Some(total) = order["total_cents"].as_i64() {
                let paid = order["paid_cents"].as_i64() >= Some(total);
                order["status"] = json!(if paid { "paid" } else { "placed" });
            }
        }
        orders
    }
}

fn placed(id: &str, n: u64, lines: &[(u64, u64)], total: u64) -> Value {
    let line = |(at, (quantity, cents)): (usize, &(u64, u64))| json!({ "sku": format!("sku-{n}-{at}"), "quantity": quantity, "price_cents": cents });
    let lines: Vec<Value> = lines.iter().enumerate().map(line).collect();
    let customer = format!("customer-{}", n % 100);
    if n.is_multiple_of(2) {
        let total = format!("{}.{:02}", total / 100, total % 100);
        json!({ "type": "OrderPlaced", "version": 1, "order": id, "customer": customer, "lines": lines, "total": total })
    } else {
        json!({ "type": "OrderPlaced", "version": 2, "order": id, "customer": customer, "lines": lines, "total_cents": total })
    }
}

fn amount(event: &Value) -> i64 {
    event["amount_cents"].as_i64().expect("a payment has an amount")
}

fn cents(decimal: &str) -> i64 {
    decimal.replace('.', "").parse().expect("the generator writes two decimals")
}
