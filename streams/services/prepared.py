"""Queries that every command needs, compiled once.

Django makes the SQL of a queryset anew each time it is run, which costs several
times what the database does with it. The queries that decide about a publish or a
play are always the same but for their values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True, slots=True)
class _Statement:
    """`parameters`: what is bound, an argument's position or a constant."""

    sql: str
    parameters: tuple[tuple[bool, Any], ...]
    columns: tuple[str, ...]
    compiler: Any
    converters: Any


class Prepared(Generic[ModelT]):
    """The rows that `build` finds, by arguments in the places of `samples`.

    `build` makes a queryset of one table from as many values as there are samples,
    which must differ from each other and from every constant of the query. Values
    are texts and whole numbers, in the form that the database has.
    """

    def __init__(
        self, build: Callable[..., QuerySet[ModelT, ModelT]], *samples: str | int
    ) -> None:
        self._build = build
        self._samples = samples
        self._model: type[ModelT] | None = None
        self._statement: _Statement | None = None

    def __call__(self, *values: str | int) -> list[ModelT]:
        """All rows that are found, as `list(build(*values))`."""
        statement = self._statement or self._compile()
        bound = [
            values[given] if is_argument else given
            for is_argument, given in statement.parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, bound)
            rows = cursor.fetchall()
        if not rows:
            return []
        return self._make(statement, rows)

    def one(self, *values: str | int) -> ModelT | None:
        """The one row that a unique key finds."""
        rows = self(*values)
        return rows[0] if rows else None

    def _make(self, statement: _Statement, rows: Sequence[Any]) -> list[ModelT]:
        if statement.converters:
            rows = statement.compiler.apply_converters(rows, statement.converters)
        assert self._model is not None  # noqa: S101  compiled
        alias = connection.alias
        return [self._model.from_db(alias, statement.columns, row) for row in rows]

    def _compile(self) -> _Statement:
        queryset = self._build(*self._samples).order_by()
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        expressions = [expression for expression, _, _ in compiler.select]
        self._model = queryset.model
        self._statement = _Statement(
            sql=sql,
            parameters=tuple(
                (True, self._samples.index(value))
                if value in self._samples
                else (False, value)
                for value in parameters
            ),
            columns=tuple(expression.target.attname for expression in expressions),
            compiler=compiler,
            converters=compiler.get_converters(expressions),
        )
        return self._statement
