package dev.runnel.tools;

import java.io.PrintWriter;
import java.io.StringWriter;

/// What a command line printed and returned.
record Captured(int exit, String out, String err) {
    static Captured of(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        int exit = Runnel.execute(new PrintWriter(out), new PrintWriter(err), words);
        return new Captured(
                exit,
                out.toString().replace(System.lineSeparator(), "\n"),
                err.toString().replace(System.lineSeparator(), "\n"));
    }
}
