import java.nio.file.*;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.*;

/** Runs the statements of a script on a remote cluster: java Submit.java SCRIPT [KEY=VALUE …]. A line with ";" at its end ends a statement. */
public class Submit {
  public static void main(String[] args) throws Exception {
    Configuration c = new Configuration();
    c.setString("execution.target", "remote");
    c.setString("rest.address", "localhost");
    for (int i = 1; i < args.length; i++) {
      int at = args[i].indexOf('=');
      c.setString(args[i].substring(0, at), args[i].substring(at + 1));
    }
    TableEnvironment env = TableEnvironment.create(EnvironmentSettings.newInstance().withConfiguration(c).inStreamingMode().build());
    for (String statement : Files.readString(Path.of(args[0])).split(";\\s*\n")) {
      if (!statement.isBlank()) {
        env.executeSql(statement);
      }
    }
  }
}
