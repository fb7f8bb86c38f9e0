package org.mouselift.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Files that appear under their name only when complete: written beside the target, then renamed over it. When the
 * writing fails or the program is interrupted, an existing file stays as it was and nothing is left behind.
 */
public final class AtomicFile implements AutoCloseable {
    private static final AtomicLong COUNTER = new AtomicLong();
    private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> UNFINISHED.forEach(path -> {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                System.getLogger(AtomicFile.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + path, e);
            }
        }), "mouselift-unfinished-files"));
    }

    private static final Pattern TEMPORARY = Pattern.compile(".+\\.(\\d{1,18})-\\d+\\.tmp");

    private final Path path;
    private final Path temporary;
    private final FileChannel channel;

    private AtomicFile(Path path) throws IOException {
        this.path = path;
        this.temporary = path.resolveSibling(path.getFileName() + "." + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet() + ".tmp");
        UNFINISHED.add(temporary);
        try {
            this.channel = FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.READ, StandardOpenOption.CREATE_NEW);
        } catch (IOException e) {
            UNFINISHED.remove(temporary);
            throw e;
        }
    }

    /** Writes the content of one file. */
    @FunctionalInterface
    public interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Deletes what killed processes left unfinished in a folder: temporary files of {@code AtomicFile} whose writer is not
     * running any more. Does nothing if there is no such folder.
     *
     * @return the deleted files
     */
    public static List<Path> deleteAbandoned(Path folder) throws IOException {
        List<Path> deleted = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return deleted;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.tmp")) {
            for (Path file : files) {
                Matcher name = TEMPORARY.matcher(file.getFileName().toString());
                if (name.matches() && !UNFINISHED.contains(file) && abandoned(Long.parseLong(name.group(1)), Files.getLastModifiedTime(file).toInstant())) {
                    Files.deleteIfExists(file);
                    deleted.add(file);
                }
            }
        }
        return deleted;
    }

    /** A process that began after the file was last written has only inherited the number of its writer. */
    private static boolean abandoned(long writer, Instant written) {
        return ProcessHandle.of(writer).filter(ProcessHandle::isAlive).flatMap(p -> p.info().startInstant().map(start -> start.isAfter(written)).or(() -> Optional.of(false)))
                .orElse(true);
    }

    /** Begins a file that will replace {@code path} at {@link #commit}. The target's folder must exist. */
    public static AtomicFile create(Path path) throws IOException {
        return new AtomicFile(path);
    }

    /** Writes {@code path} as a whole. The target's folder must exist. */
    public static void write(Path path, Content content) throws IOException {
        try (AtomicFile file = create(path)) {
            content.writeTo(file.channel());
            file.commit();
        }
    }

    /** Where the content goes; readable too, for formats that patch what they wrote. Closed by {@link #commit} and {@link #close}. */
    public FileChannel channel() {
        return channel;
    }

    /** Writes a text file, UTF-8. The target's folder must exist. */
    public static void writeText(Path path, String text) throws IOException {
        writeBytes(path, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes a file from memory. The target's folder must exist. */
    public static void writeBytes(Path path, byte[] content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        write(path, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** Makes the content durable and gives the file its name. */
    public void commit() throws IOException {
        channel.force(true);
        channel.close();
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        UNFINISHED.remove(temporary);
    }

    /** Drops the content unless it was committed. */
    @Override
    public void close() throws IOException {
        channel.close();
        Files.deleteIfExists(temporary);
        UNFINISHED.remove(temporary);
    }
}
