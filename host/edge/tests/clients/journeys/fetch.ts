// A purchase by a client whose types openapi-typescript has generated.
//
// Usage: node fetch.js URL

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient from "openapi-fetch";

import type { components, paths } from "../generated/shop";

type Schemas = components["schemas"];

const [url] = process.argv.slice(2);
assert(url, "the address of the shop");
const guest = createClient<paths, "application/json">({ baseUrl: url });

async function findProduct(): Promise<Schemas["Product"]> {
  const found = await guest.GET("/products/search", {
    params: { query: { query_string: "shirt", all_words: "on", limit: 3 } },
  });
  assert(found.data && found.data.count > 0, "nothing is found");
  const [first] = found.data.rows;
  assert(first);
  const path = { product_id: first.product_id };
  const product = await guest.GET("/products/{product_id}", { params: { path } });
  assert(product.data);
  assert.equal(product.data.name, first.name);
  return product.data;
}

async function fillCart(product: Schemas["Product"]): Promise<string> {
  const made = await guest.GET("/shoppingcart/generateUniqueId");
  assert(made.data);
  const { cart_id } = made.data;
  const added = await guest.POST("/shoppingcart/add", {
    body: { cart_id, product_id: product.product_id, attributes: "L, red" },
  });
  assert(added.data?.[0]);
  const changed = await guest.PUT("/shoppingcart/update/{item_id}", {
    params: { path: { item_id: added.data[0].item_id } },
    body: { quantity: 2 },
  });
  assert.equal(changed.data?.[0]?.quantity, 2);
  return cart_id;
}

async function register(): Promise<Schemas["Session"]> {
  const email = `${randomUUID()}@example.com`;
  const registered = await guest.POST("/customers", {
    body: { name: "Ada King", email, password: "correct horse" },
  });
  assert(registered.data);
  assert.equal(registered.data.customer.email, email);
  const again = await guest.POST("/customers", {
    body: { name: "Ada King", email, password: "correct horse" },
  });
  assert.equal(again.error?.error.code, "USR_04");
  return registered.data;
}

async function buy(): Promise<void> {
  const product = await findProduct();
  const cart_id = await fillCart(product);
  const total = await guest.GET("/shoppingcart/totalAmount/{cart_id}", {
    params: { path: { cart_id } },
  });
  assert(total.data);
  const { accessToken } = await register();
  const customer = createClient<paths, "application/json">({ baseUrl: url, headers: { "USER-KEY": accessToken } });
  const body = { cart_id, shipping_id: 1, tax_id: 1 };
  const ordered = await customer.POST("/orders", {
    params: { header: { "Idempotency-Key": randomUUID() } },
    body,
  });
  assert(ordered.data);
  const order_id = ordered.data.orderId;
  const charge = await customer.POST("/stripe/charge", {
    body: {
      stripeToken: "tok_visa",
      order_id,
      description: "A shirt",
      amount: Math.round(Number(total.data.total_amount) * 100),
    },
  });
  assert.equal(charge.data?.status, "succeeded");
  const lines = await customer.GET("/orders/{order_id}", { params: { path: { order_id } } });
  assert.equal(lines.data?.[0]?.product_name, product.name);
  const order = await customer.GET("/orders/shortDetail/{order_id}", {
    params: { path: { order_id } },
  });
  assert.equal(order.data?.status, 1);
  assert.equal(order.data.total_amount, total.data.total_amount);
}

buy().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
