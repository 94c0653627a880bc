/// Recipes: how the layers of a file of weights are wired, in YAML.
package dev.runnel.formats.recipe;
