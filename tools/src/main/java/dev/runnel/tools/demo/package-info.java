/// Small trained models at work: each demonstration is a sub-command of `runnel demo`.
@org.jspecify.annotations.NullMarked
package dev.runnel.tools.demo;
