"""A form of all settings, generated from their declarations."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.widgets.controls.basics import show_row

ELSEWHERE = ("steps", "nan_policy", "loss")
"""Settings that a dock asks for elsewhere, or without meaning for a single image."""


class Advanced(QWidget):
    """One row for each setting, with its description as the tooltip.

    Attributes
    ----------
    controls : dict of str to QWidget
        The control of each setting by name; a dock may add those that it shows elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self._form = form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        self.controls: dict[str, QWidget] = {}
        for each in fields(Settings):
            if each.name not in ELSEWHERE:
                control = _control(each)
                control.setToolTip(each.metadata["words"])
                form.addRow(each.name.replace("_", " "), control)
                form.labelForField(control).setToolTip(each.metadata["words"])
                self.controls[each.name] = control

    def hide_settings(self, *names: str) -> None:
        """Hide settings, which keep their values."""
        for name in names:
            show_row(self._form, self.controls[name], False)

    def settings(self) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If a value cannot be parsed or is out of range.
        """
        return Settings(**{name: _read(name, each) for name, each in self.controls.items()})


def _control(setting: Field[Any]) -> QWidget:
    default: Any = setting.default
    if among := setting.metadata["among"]:
        choice = QComboBox()
        choice.addItems(among)
        choice.setCurrentText(default)
        return choice
    if setting.type == "bool":
        box = QCheckBox()
        box.setChecked(default)
        return box
    if "tuple" in str(setting.type):
        numbers = QLineEdit()
        numbers.setPlaceholderText("automatic")
        return numbers
    low, high = setting.metadata["within"]
    if "int" in str(setting.type):
        whole = QSpinBox()
        optional = "None" in str(setting.type)
        whole.setRange(int(low) - optional, int(min(high, 2**31 - 1)))
        if optional:
            whole.setSpecialValueText("automatic")
        whole.setValue(whole.minimum() if default is None else default)
        return whole
    number = QDoubleSpinBox()
    number.setDecimals(6)
    number.setRange(low, high)
    number.setSingleStep(default / 2)
    number.setValue(default)
    return number


def _read(name: str, control: QWidget) -> Any:
    if isinstance(control, QComboBox):
        return control.currentText()
    if isinstance(control, QCheckBox):
        return control.isChecked()
    if isinstance(control, QLineEdit):
        try:
            return tuple(int(each) for each in control.text().replace(",", " ").split()) or None
        except ValueError:
            raise SettingsError(
                f"{name} is {control.text()!r}; give one whole number, or one for each axis, as "
                "0 2."
            ) from None
    if isinstance(control, QSpinBox) and control.specialValueText():
        return None if control.value() == control.minimum() else control.value()
    return control.value()
