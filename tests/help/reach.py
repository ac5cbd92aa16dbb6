"""The public definitions of the package that a user can reach, by following names from the entry points."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Name(NamedTuple):
    """A definition: its module, and its name there (`Class.method` of methods)."""

    module: str
    name: str


class Code:
    """Modules as trees: the definitions of each, and the names that each definition uses."""

    def __init__(self, modules: Mapping[str, Path]) -> None:
        """Read the modules by their dotted names."""
        self.trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in modules.items()}
        self.top = {Name(module, node.name) for module, tree in self.trees.items() for node in tree.body if isinstance(node, Definition)}
        packages = {module for module, path in modules.items() if path.name == "__init__.py"}
        self.imported = {module: _imported(module, tree, module in packages) for module, tree in self.trees.items()}
        self.uses: dict[Name, set[Name]] = {}
        self.methods: dict[str, set[Name]] = defaultdict(set)
        for module, tree in self.trees.items():
            for node in tree.body:
                self._define(module, node)

    def _define(self, module: str, node: ast.stmt) -> None:
        loose = self.uses.setdefault(Name(module, ""), set())
        if isinstance(node, ast.ClassDef):
            own = self.uses[Name(module, node.name)] = set()
            ours = all(isinstance(base, ast.Name) and self._found(module, base.id) for base in node.bases)
            for part in (*node.body, *node.decorator_list, *node.bases):
                if isinstance(part, ast.FunctionDef) and ours and not part.name.startswith("__"):
                    method = Name(module, f"{node.name}.{part.name}")
                    self.uses[method] = self._used(module, part)
                    self.methods[part.name].add(method)
                else:  # methods that a base class from outside calls are reached with the class
                    own |= self._used(module, part)
        elif isinstance(node, Definition):
            self.uses[Name(module, node.name)] = self._used(module, node)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            loose |= self._used(module, node)

    def _found(self, module: str, name: str, depth: int = 0) -> Name | None:
        """The definition that a name means in a module, also through the re-exports of packages."""
        if Name(module, name) in self.top:
            return Name(module, name)
        source, _, original = self.imported.get(module, {}).get(name, "").rpartition(".")
        return self._found(source, original, depth + 1) if source and depth < 6 else None

    def _used(self, module: str, node: ast.AST) -> set[Name]:
        """Definitions that a piece of code names; for an attribute of an unknown object, every method of that name ("" as its module)."""
        found: set[Name | None] = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                found.add(self._found(module, part.id))
            elif isinstance(part, ast.Attribute):
                owner = self.imported[module].get(part.value.id, "") if isinstance(part.value, ast.Name) else ""
                found.add(self._found(owner, part.attr) if owner in self.trees else Name("", part.attr))
            elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
                found.add(Name("", part.value))
        return found - {None}  # type: ignore[return-value]

    def unreached(self, roots: Iterable[Name]) -> list[Name]:
        """Public definitions that are reached neither from the roots nor from code that runs when a module is imported."""
        seen: set[Name] = set()
        todo = [*roots, *(name for name in self.uses if not name.name)]
        while todo:
            name = todo.pop()
            if not name.module:
                todo += self.methods.get(name.name, set()) - seen
            elif name in self.uses and name not in seen:
                seen.add(name)
                todo += self.uses[name]
        return sorted(name for name in self.uses.keys() - seen if not name.name.split(".")[-1].startswith("_"))


def _imported(module: str, tree: ast.Module, package: bool) -> dict[str, str]:
    """The dotted name of each imported name."""
    base, found = module.split(".") if package else module.split(".")[:-1], {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            source = ".".join([*(base[: len(base) - node.level + 1] if node.level else []), *([node.module] if node.module else [])])
            found.update({alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names})
    return found
