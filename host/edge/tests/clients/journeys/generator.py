"""A purchase by the client that openapi-generator makes for Python.

Usage: python generator.py URL
"""

import sys
import uuid
from decimal import Decimal

import shop_client as shop


def find_product(guest: shop.ApiClient) -> shop.Product:
    products = shop.ProductsApi(guest)
    found = products.search_products("shirt", all_words="on", limit=3)
    assert found.count > 0, "nothing is found"
    product = products.get_product(found.rows[0].product_id)
    assert product.name == found.rows[0].name
    return product


def fill_cart(guest: shop.ApiClient, product: shop.Product) -> str:
    carts = shop.CartsApi(guest)
    cart_id = carts.generate_cart_id().cart_id
    addition = shop.AddToCartRequest(
        cart_id=cart_id, product_id=product.product_id, attributes="L, red"
    )
    (item,) = carts.add_to_cart(addition)
    change = shop.UpdateCartItemRequest(quantity=2)
    (changed,) = carts.update_cart_item(item.item_id, change)
    assert changed.quantity == 2
    return cart_id


def register(guest: shop.ApiClient) -> shop.Session:
    accounts = shop.AccountsApi(guest)
    person = shop.RegisterRequest(
        name="Ada King", email=f"{uuid.uuid4()}@example.com", password="correct horse"
    )
    session = accounts.register_customer(person)
    assert session.customer.email == person.email
    try:
        accounts.register_customer(person)
    except shop.ApiException as error:
        assert error.data.error.code == "USR_04", error
    else:
        raise AssertionError("the same address was registered twice")
    return session


def buy(url: str) -> None:
    guest = shop.ApiClient(shop.Configuration(host=url))
    product = find_product(guest)
    cart_id = fill_cart(guest, product)
    total = shop.CartsApi(guest).get_cart_total(cart_id).total_amount
    token = register(guest).access_token
    customer = shop.ApiClient(shop.Configuration(host=url, api_key={"userKey": token}))
    orders = shop.OrdersApi(customer)
    wish = shop.CreateOrderRequest(cart_id=cart_id, shipping_id=1, tax_id=1)
    order_id = orders.create_order(wish, idempotency_key=str(uuid.uuid4())).order_id
    payment = shop.ChargeRequest(
        stripe_token="tok_visa",
        order_id=order_id,
        description="A shirt",
        amount=int(Decimal(total) * 100),
    )
    assert shop.PaymentsApi(customer).charge_order(payment).status == "succeeded"
    (line,) = orders.get_order_lines(order_id)
    assert line.product_name == product.name
    order = orders.get_order_short_detail(order_id)
    assert order.status == 1
    assert order.total_amount == total
    assert order.created_on.tzinfo is not None


buy(sys.argv[1])
