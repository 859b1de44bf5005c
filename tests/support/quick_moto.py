"""moto's own work in less time: what it does anew for each call it does once, and what it does over all rows of a table over
those that count. Whatever it answers it answers as before: all of its checks are still its own."""

import base64
import collections
import copy
import functools
import inspect
import types

from moto import backends
from moto.core import responses
from moto.core.parse import JSONParser
from moto.core.serialize import JSONSerializer
from moto.core.utils import unix_time, unix_time_millis
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models import table as tables
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.sqs.models import Queue, SQSBackend

ITEM_BYTES_MAX = 405_000  # moto's


def replaces(owner, name):
    """Puts a function in the place of one of moto's, which it is given as its first argument."""

    def replaced(function):
        original = getattr(owner, name)
        setattr(owner, name, functools.wraps(original)(
            lambda *arguments, **more: function(original, *arguments, **more)))
        return function

    return replaced


# Which services there are is a look at a folder, and a class's methods are a look at all that it has: for each request.
SERVICES = tuple(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: SERVICES
responses.method_names_from_class = functools.cache(responses.method_names_from_class)


# An expression is read twice for each update, and copied before anything is done with it.
UpdateExpressionParser.make = functools.cache(UpdateExpressionParser.make)


@replaces(DepthFirstTraverser, "nodes_to_be_processed")
def nodes_to_be_processed(original, self):
    """Of each of its visitors for each node."""
    if "processed" not in self.__dict__:
        self.processed = original(self)
    return self.processed


# Values of DynamoDB's are on the wire what moto has in its hands; it looks for each of ten types under a dozen names.


def on_the_wire(value):
    (kind, held), = value.items()
    if kind == "M":
        return {kind: {name: on_the_wire(member) for name, member in held.items()}}
    if kind == "L":
        return {kind: [on_the_wire(member) for member in held]}
    if kind == "B":
        return {kind: base64.b64encode(held).decode()}
    if kind == "BS":
        return {kind: [base64.b64encode(member).decode() for member in held]}
    return {kind: held}


@replaces(JSONSerializer, "_serialize_type_map")
def serialize_map(original, self, serialized, values, shape, key):
    if shape.value.name == "AttributeValue" and all(type(value) is dict and len(value) == 1 for value in values.values()):
        self._default_serialize(serialized, {name: on_the_wire(value) for name, value in values.items()}, shape, key)
    else:
        original(self, serialized, values, shape, key)


@replaces(JSONParser, "_parse_structure")
def parse_structure(original, self, shape, value):
    if shape.name == "AttributeValue" and type(value) is dict and len(value) == 1:
        (kind, held), = value.items()
        if kind in shape.members and held is not None:
            parsed = self.MAP_TYPE()
            parsed[kind] = self._parse_shape(shape.members[kind], held)
            return parsed
    return original(self, shape, value)


# Rows.


class Untracked(list):
    """moto remembers each object of a model that it ever made, all copies of rows among them."""

    def append(self, instance):
        pass


Item.instances_tracked = Table.instances_tracked = Untracked()
long_way_to_value = DynamoType.cast_value.fget
DynamoType.cast_value = property(lambda self: self.value if self.type == "S" else long_way_to_value(self))


@replaces(DynamoType, "size")
def size(original, self):
    return len(self.value.encode()) if self.type == "S" else original(self)


def make_item(self, hash_key, range_key, attrs):
    """moto adds all sizes up again for each attribute."""
    self.hash_key = hash_key
    self.range_key = range_key
    self.attrs = LimitedSizeDict()
    for name, value in attrs.items():
        dict.__setitem__(self.attrs, name, DynamoType(value))
    if self.size() > ITEM_BYTES_MAX:
        raise ItemSizeTooLarge


Item.__init__ = make_item


class Places:
    """The rows of a table by the values of its indexes' hash keys."""

    def __init__(self, table):
        self.names = {key["AttributeName"] for index in table.all_indexes() for key in index.schema
                      if key["KeyType"] == "HASH"}
        self.rows = {}
        self.values = {}
        for row in table.all_items():
            self.put(row)

    def put(self, row):
        key = (row.hash_key, row.range_key)
        self.remove(key)
        self.values[key] = [(name, row.attrs[name]) for name in self.names if name in row.attrs]
        for place in self.values[key]:
            self.rows.setdefault(place, {})[key] = row

    def remove(self, key):
        for place in self.values.pop(key, ()):
            del self.rows[place][key]

    def get(self, name, value):
        return self.rows.get((name, value), {}).values()


def places_of(table, index):
    """Made when they are asked for first, so that a table may come from anywhere."""
    places = table.__dict__.get("places")
    if places is None or not {key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH"} <= places.names:
        places = table.places = Places(table)
    return places


def update_places(table, hash_key, range_key):
    if places := table.__dict__.get("places"):
        row = table.get_item(hash_key, range_key)
        if row is None:
            places.remove((hash_key, range_key))
        else:
            places.put(row)


@replaces(Table, "put_item")
def put_item(original, self, *arguments, **more):
    row = original(self, *arguments, **more)
    update_places(self, row.hash_key, row.range_key)
    return row


@replaces(Table, "delete_item")
def delete_item(original, self, hash_key, range_key):
    row = original(self, hash_key, range_key)
    update_places(self, hash_key, range_key)
    return row


@replaces(DynamoDBBackend, "update_item")
def update_item(original, self, table_name, key, *arguments, **more):
    try:
        return original(self, table_name, key, *arguments, **more)
    finally:
        table = self.get_table(table_name)
        if all(name in key for name in table.table_key_attrs):
            update_places(table, *self.get_keys_value(table, key))


QUERY = inspect.signature(Table.query)


@replaces(Table, "query")
def query(original, self, *arguments, **more):
    """Looks only at the rows that have the hash key, which moto puts in order and looks at as it does at all of them."""
    asked = QUERY.bind(self, *arguments, **more).arguments
    index_name, conditions = asked.get("index_name"), asked.get("hash_key_conditions")
    index = next((index for index in self.all_indexes() if index.name == index_name), None)
    if index and conditions:
        rows = places_of(self, index).get(*conditions[0])
        order = [key["AttributeName"] for key in index.schema] + self.table_key_attrs
    elif not index_name and self.has_range_key:
        rows = self.items[asked["hash_key"]].values() if asked["hash_key"] in self.items else ()
        order = self.table_key_attrs
    else:
        return original(self, *arguments, **more)
    narrow = object.__new__(type(self))
    narrow.__dict__.update(self.__dict__)
    narrow.all_items = lambda: in_order(rows, order)
    return original(narrow, *arguments, **more)


def in_order(rows, names):
    """What is in order already is put in order soon: moto compares values one by one."""
    rows = [row for row in rows if all(name in row.attrs for name in names)] if names else list(rows)
    if all(row.attrs[name].type == "S" for row in rows for name in names):
        rows.sort(key=lambda row: [row.attrs[name].value for name in names])
    return rows


# A transaction can be undone: moto copies the whole table before each.


def copied(original):
    """What a query finds goes to the caller as text; nobody changes it meanwhile, so that it need not be copied."""
    found = original if isinstance(original, list) else [original]
    return original if found and all(type(row) is Item for row in found) else copy.deepcopy(original)


tables.copy = types.SimpleNamespace(copy=copy.copy, deepcopy=copied)


@replaces(DynamoDBBackend, "transact_write_items")
def transact_write_items(original, self, transact_items):
    """moto copies whole tables, to put them back if the transaction fails. Here it works on copies of the rows that are named,
    which are put in their places if it succeeds."""
    named = {}
    for item in transact_items:
        for asked in item.values():
            table = self.tables.get(asked.get("TableName"))
            key = asked.get("Key", asked.get("Item", {}))
            if table is None or table.stream_shard is not None or not all(name in key for name in table.table_key_attrs):
                return original(self, transact_items)
            named.setdefault(table.name, set()).add(self.get_keys_value(table, key))
    apart = object.__new__(type(self))
    apart.__dict__.update(self.__dict__)
    apart.tables = {name: part_of(self.tables[name], keys) for name, keys in named.items()}
    original(apart, transact_items)
    for name, keys in named.items():
        table = self.tables[name]
        for key in keys:
            row = apart.tables[name].get_item(*key)
            if row is None:
                Table.delete_item(table, *key)
            elif table.has_range_key:
                table.items[key[0]][key[1]] = row
            else:
                table.items[key[0]] = row
            update_places(table, *key)


def part_of(table, keys):
    part = object.__new__(type(table))
    part.__dict__.update(table.__dict__, places=None, items=collections.defaultdict(dict))
    for hash_key, range_key in keys:
        if (row := table.get_item(hash_key, range_key)) is None:
            continue
        if range_key is None:
            part.items[hash_key] = copy.deepcopy(row)
        else:
            part.items[hash_key][range_key] = copy.deepcopy(row)
    return part


# Messages. moto asks each what time it is, and counts them all for each that it takes in or gives out.


def messages_that(is_one):
    def those(self):
        now_ms = unix_time_millis()
        return [message for message in self._messages if is_one(message, now_ms)]

    return those


free = messages_that(lambda message, now_ms: message.visible_at < now_ms and message.delayed_until <= now_ms)
delayed = messages_that(lambda message, now_ms: message.delayed_until > now_ms)
taken = messages_that(lambda message, now_ms: message.visible_at >= now_ms)
Queue.messages = property(free)
Queue.approximate_number_of_messages_delayed = property(lambda self: len(delayed(self)))
Queue.approximate_number_of_messages_not_visible = property(lambda self: len(taken(self)))


@replaces(SQSBackend, "is_message_valid_based_on_retention_period")
def is_kept(_, self, queue_name, message):
    return self.get_queue(queue_name).message_retention_period + message.sent_timestamp / 1000 > unix_time()


@replaces(Queue, "delete_message")
def delete_message(original, self, receipt_handle):
    """In its place: a message that comes at the same time would be lost with the list it was added to."""
    found = next((message for message in self._messages if message.had_receipt_handle(receipt_handle)), None)
    if found is None:
        original(self, receipt_handle)
        return
    with self._messages_lock:
        self._messages.remove(found)
    self.pending_messages.discard(found)
    self.deleted_messages.update(found.all_receipt_handles)
