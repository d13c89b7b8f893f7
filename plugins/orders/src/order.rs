//! An order as readers see it.

use lantern_sdk::prelude::*;

/// What is known of an order from both topics.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    order: String,
    /// Unknown until it is placed.
    customer: Option<String>,
    lines: Vec<Line>,
    /// Unknown until it is placed.
    total_cents: Option<i64>,
    /// Received less refunded.
    paid_cents: i64,
    status: Status,
}

/// One article of an order.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    sku: String,
    quantity: u32,
    price_cents: i64,
}

/// Where an order stands. A later one outranks the ones before it; the last two stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Paid for, perhaps, but not placed yet.
    Pending,
    Placed,
    Paid,
    Shipped,
    Cancelled,
}

impl Order {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            order: id.into(),
            customer: None,
            lines: Vec::new(),
            total_cents: None,
            paid_cents: 0,
            status: Status::Pending,
        }
    }

    pub(crate) fn place(&mut self, customer: String, lines: Vec<Line>, total_cents: i64) {
        self.customer = Some(customer);
        self.lines = lines;
        self.total_cents = Some(total_cents);
        self.settle();
    }

    pub(crate) fn pay(&mut self, cents: i64) {
        self.paid_cents += cents;
        self.settle();
    }

    pub(crate) fn ship(&mut self) {
        self.status = self.status.max(Status::Shipped);
    }

    pub(crate) fn cancel(&mut self) {
        self.status = Status::Cancelled;
    }

    /// Derive the status from the amounts, unless it is past them.
    fn settle(&mut self) {
        if self.status < Status::Shipped {
            self.status = match self.total_cents {
                None => Status::Pending,
                Some(total) if self.paid_cents < total => Status::Placed,
                Some(_) => Status::Paid,
            };
        }
    }
}
