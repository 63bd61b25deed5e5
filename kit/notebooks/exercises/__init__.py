"""Exercises of the notebooks: what a reader made is judged by what it does, and a usual mistake gets its hint."""

from kit.notebooks.exercises.check import check as check
