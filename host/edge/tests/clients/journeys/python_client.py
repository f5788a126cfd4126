"""A purchase by the client that openapi-python-client makes.

Usage: python python_client.py URL
"""

import sys
import uuid
from decimal import Decimal
from typing import TypeVar

from shop_api import AuthenticatedClient, Client, models
from shop_api.api.accounts import register_customer
from shop_api.api.carts import (
    add_to_cart,
    generate_cart_id,
    get_cart_total,
    update_cart_item,
)
from shop_api.api.orders import create_order, get_order_lines, get_order_short_detail
from shop_api.api.payments import charge_order
from shop_api.api.products import get_product, search_products

T = TypeVar("T")


def expect(kind: type[T], reply: object) -> T:
    assert isinstance(reply, kind), reply
    return reply


def find_product(guest: Client) -> models.Product:
    found = search_products.sync(client=guest, query_string="shirt", limit=3)
    page = expect(models.ProductPage, found)
    assert page.count > 0, "nothing is found"
    first = page.rows[0]
    product = get_product.sync(first.product_id, client=guest)
    assert expect(models.Product, product).name == first.name
    return expect(models.Product, product)


def fill_cart(guest: Client, product: models.Product) -> str:
    cart = expect(models.NewCart, generate_cart_id.sync(client=guest))
    addition = models.AddToCartRequest(
        cart_id=cart.cart_id, product_id=product.product_id, attributes="L, red"
    )
    (item,) = expect(list, add_to_cart.sync(client=guest, body=addition))
    change = models.UpdateCartItemRequest(quantity=2)
    (changed,) = expect(list, update_cart_item.sync(item.item_id, client=guest, body=change))
    assert changed.quantity == 2
    return cart.cart_id


def register(guest: Client) -> models.Session:
    person = models.RegisterRequest(
        name="Ada King", email=f"{uuid.uuid4()}@example.com", password="correct horse"
    )
    session = expect(models.Session, register_customer.sync(client=guest, body=person))
    assert session.customer.email == person.email
    again = register_customer.sync(client=guest, body=person)
    assert expect(models.ErrorResponse, again).error.code == "USR_04"
    return session


def buy(url: str) -> None:
    guest = Client(base_url=url)
    product = find_product(guest)
    cart_id = fill_cart(guest, product)
    total = expect(models.CartTotal, get_cart_total.sync(cart_id, client=guest)).total_amount
    token = register(guest).access_token
    customer = AuthenticatedClient(
        base_url=url, token=token, prefix="", auth_header_name="USER-KEY"
    )
    wish = models.CreateOrderRequest(cart_id=cart_id, shipping_id=1, tax_id=1)
    key = str(uuid.uuid4())
    ordered = create_order.sync(client=customer, body=wish, idempotency_key=key)
    order_id = expect(models.CreatedOrder, ordered).order_id
    payment = models.ChargeRequest(
        stripe_token="tok_visa",
        order_id=order_id,
        description="A shirt",
        amount=int(Decimal(total) * 100),
    )
    charge = expect(models.Charge, charge_order.sync(client=customer, body=payment))
    assert charge.status == "succeeded"
    (line,) = expect(list, get_order_lines.sync(order_id, client=customer))
    assert line.product_name == product.name
    order = get_order_short_detail.sync(order_id, client=customer)
    order = expect(models.OrderShortDetail, order)
    assert order.status == 1
    assert order.total_amount == total
    assert order.created_on.tzinfo is not None


buy(sys.argv[1])
