// A purchase by the client that openapi-generator makes for TypeScript.
//
// Usage: node axios.js URL

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { isAxiosError } from "axios";

import {
  AccountsApi,
  CartsApi,
  Configuration,
  OrdersApi,
  PaymentsApi,
  ProductsApi,
  type ErrorResponse,
  type Product,
  type Session,
} from "../generated/axios";

const [url] = process.argv.slice(2);
assert(url, "the address of the shop");
const guest = new Configuration({ basePath: url });
const carts = new CartsApi(guest);

async function findProduct(): Promise<Product> {
  const products = new ProductsApi(guest);
  const found = await products.searchProducts("shirt", "on", 1, 3);
  assert(found.data.count > 0, "nothing is found");
  const [first] = found.data.rows;
  assert(first);
  const product = await products.getProduct(first.product_id);
  assert.equal(product.data.name, first.name);
  return product.data;
}

async function fillCart(product: Product): Promise<string> {
  const { cart_id } = (await carts.generateCartId()).data;
  const addition = { cart_id, product_id: product.product_id, attributes: "L, red" };
  const [item] = (await carts.addToCart(addition)).data;
  assert(item);
  const [changed] = (await carts.updateCartItem(item.item_id, { quantity: 2 })).data;
  assert.equal(changed?.quantity, 2);
  return cart_id;
}

async function register(): Promise<Session> {
  const accounts = new AccountsApi(guest);
  const email = `${randomUUID()}@example.com`;
  const person = { name: "Ada King", email, password: "correct horse" };
  const registered = await accounts.registerCustomer(person);
  assert.equal(registered.data.customer.email, email);
  await assert.rejects(accounts.registerCustomer(person), (error) => {
    assert(isAxiosError<ErrorResponse>(error));
    return error.response?.data.error.code === "USR_04";
  });
  return registered.data;
}

async function buy(): Promise<void> {
  const product = await findProduct();
  const cart_id = await fillCart(product);
  const { total_amount } = (await carts.getCartTotal(cart_id)).data;
  const { accessToken } = await register();
  const customer = new Configuration({ basePath: url, apiKey: accessToken });
  const orders = new OrdersApi(customer);
  const wish = { cart_id, shipping_id: 1, tax_id: 1 };
  const { orderId } = (await orders.createOrder(wish, randomUUID())).data;
  const charge = await new PaymentsApi(customer).chargeOrder({
    stripeToken: "tok_visa",
    order_id: orderId,
    description: "A shirt",
    amount: Math.round(Number(total_amount) * 100),
  });
  assert.equal(charge.data.status, "succeeded");
  const [line] = (await orders.getOrderLines(orderId)).data;
  assert.equal(line?.product_name, product.name);
  const order = (await orders.getOrderShortDetail(orderId)).data;
  assert.equal(order.status, 1);
  assert.equal(order.total_amount, total_amount);
}

buy().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
