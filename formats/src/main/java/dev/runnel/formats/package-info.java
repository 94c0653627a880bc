@org.jspecify.annotations.NullMarked
package dev.runnel.formats;
