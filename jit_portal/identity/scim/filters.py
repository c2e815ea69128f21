"""What a directory looks for, as SQL over the people whom its token reaches."""

from typing import Any

import sqlalchemy as sa
from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from sqlalchemy import ColumnElement, Subquery, and_, func, or_


def fitting(people: Subquery, wanted: FilterNode | None) -> ColumnElement[bool]:
    """Whether a row of ``people.reached`` fits a filter of RFC 7644; InvalidFilterException where nobody can."""
    return _Fits(people).visit(wanted) if wanted is not None else sa.true()


_EXACT = {"id", "externalid"}
_COLUMNS = {
    "id": "id",
    "externalid": "external_id",
    "username": "user_name",
    "displayname": "display_name",
    "active": "is_active",
}


class _Fits(FilterVisitor[ColumnElement[bool]]):
    """A filter of RFC 7644 over the columns of ``reached``; names are alike in capitals and small letters, ids not."""

    def __init__(self, people: Subquery) -> None:
        self._people = people

    def _column(self, path: AttrPath) -> ColumnElement[str]:
        name = path.attr.lower()
        if name not in _COLUMNS or path.sub_attr is not None:
            raise InvalidFilterException(detail=f"Nobody can be found by {path}")
        column = sa.cast(self._people.c[_COLUMNS[name]], sa.Text)
        return column if name in _EXACT else func.lower(column)

    def visit_comparison(self, node: Comparison) -> ColumnElement[bool]:
        column = self._column(node.attr_path)
        value = node.value if node.value is None else str(node.value)
        if value is not None and node.attr_path.attr.lower() not in _EXACT:
            value = value.lower()
        if node.op == CompareOperator.eq:
            return column.is_not_distinct_from(value)
        if node.op == CompareOperator.ne:
            return column.is_distinct_from(value)
        asked: Any = {
            CompareOperator.co: column.contains,
            CompareOperator.sw: column.startswith,
            CompareOperator.ew: column.endswith,
        }.get(node.op)
        if asked is None or value is None:
            raise InvalidFilterException(detail=f"Nobody can be found by {node}")
        fits: ColumnElement[bool] = func.coalesce(asked(value, autoescape=True), sa.false())
        return fits

    def visit_present(self, node: Present) -> ColumnElement[bool]:
        return self._column(node.attr_path).is_not(None)

    def visit_not(self, node: Not) -> ColumnElement[bool]:
        return sa.not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> ColumnElement[bool]:
        join = and_ if node.op == LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))

    def visit_value_path(self, node: ValuePath) -> ColumnElement[bool]:
        raise InvalidFilterException(detail=f"Nobody can be found by {node}")
