package dev.runnel.tools.demo;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Image;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;

import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/// Pictures: read from files of any kind, made to fit, written as PNG.
final class Picture {
    private static final String KINDS = "PNG, GIF, BMP or JPEG";

    /// What takes some seconds and some 100 MB to read.
    private static final long MOST_PIXELS = 25_000_000;

    private Picture() {}

    /// Reads the first picture of a file.
    ///
    /// @throws IOException if it is none, is damaged, or is too large; the message names the file
    static BufferedImage read(Path file) throws IOException {
        ImageIO.setUseCache(false); // no temporary file
        try (InputStream bytes = Files.newInputStream(file);
                ImageInputStream in = ImageIO.createImageInputStream(bytes)) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
            if (!readers.hasNext()) {
                throw new IOException(file + ": is no picture that can be read, expected " + KINDS);
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(in, true, true);
                return read(file, reader);
            } finally {
                reader.dispose();
            }
        }
    }

    private static BufferedImage read(Path file, ImageReader reader) throws IOException {
        long width;
        long height;
        BufferedImage picture = null;
        try {
            width = reader.getWidth(0);
            height = reader.getHeight(0);
            if (width * height <= MOST_PIXELS) {
                picture = reader.read(0);
            }
        } catch (IOException | RuntimeException e) { // readers throw either, whatever the file is
            throw new IOException(
                    "%s: is %s that is damaged: %s"
                            .formatted(
                                    file,
                                    reader.getFormatName().toUpperCase(Locale.ROOT),
                                    e.getMessage()),
                    e);
        }
        if (picture == null) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s: has %d x %d pixels, expected at most %,d in all; make it smaller"
                                    + " first",
                            file,
                            width,
                            height,
                            MOST_PIXELS));
        }
        return picture;
    }

    /// The picture on a black square, scaled to fit if it has not the side's length already; its
    /// proportions stay.
    static BufferedImage fitted(BufferedImage image, int side) {
        BufferedImage square = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        double scale = (double) side / Math.max(image.getWidth(), image.getHeight());
        int width = Math.max(1, (int) Math.round(image.getWidth() * scale));
        int height = Math.max(1, (int) Math.round(image.getHeight() * scale));
        Image fit =
                scale == 1
                        ? image
                        : image.getScaledInstance(width, height, Image.SCALE_AREA_AVERAGING);
        Graphics2D g = square.createGraphics();
        g.drawImage(fit, (side - width) / 2, (side - height) / 2, Color.BLACK, null);
        g.dispose();
        return square;
    }

    static byte[] png(BufferedImage image) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }
}
