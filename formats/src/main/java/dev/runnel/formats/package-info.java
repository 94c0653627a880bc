/// Reading model files and files of tensors, and writing the latter.
package dev.runnel.formats;
