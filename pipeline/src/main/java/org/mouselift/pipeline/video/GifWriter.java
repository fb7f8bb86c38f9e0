package org.mouselift.pipeline.video;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;

/** An animated GIF that loops forever, with a palette of its own for every frame. */
public final class GifWriter implements VideoWriter {
    private static final String FORMAT = "javax_imageio_gif_image_1.0";

    private final Path path;
    private final int rate;
    private final AtomicFile file;
    private final ImageOutputStream stream;
    private final ImageWriter writer;
    private Image8 first;
    private int frames;

    GifWriter(Path path, int framesPerSecond) throws IOException {
        this.path = path;
        this.rate = VideoWriter.requireRate(path, framesPerSecond);
        this.file = AtomicFile.create(path);
        // Not ImageIO's default, which caches in a temporary file and cannot be used while the program is ending.
        this.stream = new MemoryCacheImageOutputStream(Channels.newOutputStream(file.channel()));
        this.writer = ImageIO.getImageWritersByFormatName("gif").next();
        writer.setOutput(stream);
        writer.prepareWriteSequence(null);
    }

    @Override
    public void add(Image8 frame) throws IOException {
        VideoWriter.requireFrame(path, first, frame);
        first = first == null ? frame : first;
        BufferedImage image = indexed(frame);
        IIOMetadata metadata = writer.getDefaultImageMetadata(ImageTypeSpecifier.createFromRenderedImage(image), null);
        IIOMetadataNode root = (IIOMetadataNode) metadata.getAsTree(FORMAT);
        IIOMetadataNode control = child(root, "GraphicControlExtension");
        control.setAttribute("disposalMethod", "none");
        control.setAttribute("userInputFlag", "FALSE");
        control.setAttribute("transparentColorFlag", "FALSE");
        control.setAttribute("transparentColorIndex", "0");
        control.setAttribute("delayTime", Integer.toString(delay(frames)));
        if (frames == 0) {
            IIOMetadataNode loop = new IIOMetadataNode("ApplicationExtension");
            loop.setAttribute("applicationID", "NETSCAPE");
            loop.setAttribute("authenticationCode", "2.0");
            loop.setUserObject(new byte[] {1, 0, 0});
            child(root, "ApplicationExtensions").appendChild(loop);
        }
        metadata.setFromTree(FORMAT, root);
        writer.writeToSequence(new IIOImage(image, null, metadata), null);
        frames++;
    }

    /** GIF counts hundredths of a second: the rounding is spread so that the whole lasts as long as it should. */
    private int delay(int frame) {
        return (int) (Math.round((frame + 1) * 100.0 / rate) - Math.round(frame * 100.0 / rate));
    }

    private static BufferedImage indexed(Image8 frame) {
        Palette palette = Palette.of(frame);
        byte[][] channels = new byte[3][palette.size()];
        for (int i = 0; i < palette.size(); i++) {
            for (int c = 0; c < 3; c++) {
                channels[c][i] = (byte) (palette.colour(i) >> 16 - 8 * c);
            }
        }
        IndexColorModel model = new IndexColorModel(8, palette.size(), channels[0], channels[1], channels[2]);
        BufferedImage image = new BufferedImage(frame.width(), frame.height(), BufferedImage.TYPE_BYTE_INDEXED, model);
        byte[] row = new byte[frame.width()];
        for (int y = 0; y < frame.height(); y++) {
            for (int x = 0; x < frame.width(); x++) {
                row[x] = (byte) palette.entry(Pixels.colour(frame, x, y));
            }
            image.getRaster().setDataElements(0, y, frame.width(), 1, row);
        }
        return image;
    }

    private static IIOMetadataNode child(IIOMetadataNode root, String name) {
        for (int i = 0; i < root.getLength(); i++) {
            if (root.item(i).getNodeName().equals(name)) {
                return (IIOMetadataNode) root.item(i);
            }
        }
        IIOMetadataNode node = new IIOMetadataNode(name);
        root.appendChild(node);
        return node;
    }

    @Override
    public void finish() throws IOException {
        if (frames == 0) {
            throw new IllegalStateException(path + ": a video needs at least one frame");
        }
        writer.endWriteSequence();
        stream.close();
        file.commit();
    }

    @Override
    public void close() throws IOException {
        writer.dispose();
        file.close();
    }
}
