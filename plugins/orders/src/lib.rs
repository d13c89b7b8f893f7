//! Where every order stands, joined from two topics: `HGET orders:orders o-1`.
//!
//! The topics share their partitions by order id, but not their order in time: a payment may come
//! before its order. So the document keeps facts, and its status follows from them.

mod events;
mod order;

use std::ops::DerefMut;

use lantern_sdk::prelude::*;

use events::{ORDER_EVENTS, OrderEvent, PAYMENT_EVENTS, PaymentEvent};
use order::Order;

struct Orders {
    orders: Table<Order>,
}

impl Projection for Orders {
    const NAME: &'static str = "orders";
    const TOPICS: &'static [&'static str] = &["order-events", "payment-events"];

    fn new(views: &mut Views) -> Self {
        Self { orders: views.table("orders") }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        self.orders.prefetch(events.keys());
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match event.topic() {
            "order-events" => self.apply_order_event(event.json_by(&ORDER_EVENTS)?),
            _ => self.apply_payment_event(event.json_by(&PAYMENT_EVENTS)?),
        }
    }
}

impl Orders {
    fn apply_order_event(&mut self, event: Option<OrderEvent>) -> Result<()> {
        use OrderEvent::*;
        match event {
            Some(OrderPlaced { order, customer, lines, total_cents }) => {
                self.order(&order)?.place(customer, lines, total_cents)
            }
            Some(OrderCancelled { order }) => self.order(&order)?.cancel(),
            Some(OrderShipped { order }) => self.order(&order)?.ship(),
            None => {}
        }
        Ok(())
    }

    fn apply_payment_event(&mut self, event: Option<PaymentEvent>) -> Result<()> {
        use PaymentEvent::*;
        match event {
            Some(PaymentReceived { order, amount_cents }) => self.order(&order)?.pay(amount_cents),
            Some(PaymentRefunded { order, amount_cents }) => self.order(&order)?.pay(-amount_cents),
            None => {}
        }
        Ok(())
    }

    fn order(&mut self, id: &str) -> Result<impl DerefMut<Target = Order>> {
        self.orders.get_or_insert_with(id, || Order::new(id))
    }
}

export!(Orders);

#[cfg(test)]
mod tests;
